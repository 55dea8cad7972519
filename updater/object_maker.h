#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/base/ids.h"
#include "storage/base/status.h"
#include "storage/format/manifest.h"
#include "storage/format/version_image.h"

namespace perennial::updater {

// An encoded object and how the manifest names it.
struct MadeObject {
  format::ObjectRef ref;
  std::string bytes;
};

Result<MadeObject> MakeSnapshotObject(const format::VersionImage& image, uint32_t chunk_size);
Result<MadeObject> MakeDeltaObject(VersionId base_version, const format::VersionImage& base,
                                   const format::VersionImage& image, uint32_t chunk_size);

// The object's bytes cut as its ref says, appended to `chunks`.
void AppendChunks(const MadeObject& object, std::vector<std::string>& chunks);

// Whether a delta from `base` makes sense: the same network and the same scales.
bool IsDeltaBase(const format::VersionImage& base, const format::VersionImage& image);

// Share of the int8 codes both have that differ; 0 when there are none.
double ChangedRatio(const format::VersionImage& base, const format::VersionImage& image);

}  // namespace perennial::updater
