#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/hash.h"
#include "storage/base/status.h"
#include "storage/format/manifest.h"
#include "storage/format/version_image.h"

namespace perennial::updater {

// Ids on the wire (ObjectRef::codec); never reused.
inline constexpr uint32_t kCodecSnapshotZstd = 1;  // updater/snapshot_zstd.cc
inline constexpr uint32_t kCodecDeltaRange = 3;    // updater/delta_range.cc

// One way to turn a version into bytes and back. Stateless, thread-safe; lives as long as the program.
class Codec {
 public:
  virtual ~Codec() = default;
  virtual uint32_t id() const = 0;
  virtual std::string_view name() const = 0;
  virtual format::ObjectKind kind() const = 0;
  // `base` is null for snapshots and needed for deltas. REQUIRES target.Validate() is ok.
  virtual Result<std::string> Encode(const format::VersionImage* base, const format::VersionImage& target) const = 0;
  // The target, decoded into a copy; the base is never touched. Hostile bytes give kCorruption, more than `max_bytes`
  // of decoded payload kResourceExhausted, another base than the encoder's kFailedPrecondition. A delta carries the
  // target's root and checks it.
  virtual Result<format::VersionImage> Decode(const format::VersionImage* base, std::string_view bytes,
                                              uint64_t max_bytes) const = 0;
};

// kNotFound ("update the node's software") for an id this build does not know.
Result<const Codec*> FindCodec(uint32_t id);

// What a node does with a fetched object: finds the codec, checks the base's root, decodes within the manifest's cap
// and checks the result's root. `base` may be null for snapshots. kCorruption when the result is not `target_root`.
Result<format::VersionImage> DecodeObject(const format::ObjectRef& object, const Hash256& target_root,
                                          const format::VersionImage* base, std::string_view bytes);

Result<std::string> EncodeSnapshot(const format::VersionImage& target);
Result<format::VersionImage> DecodeSnapshot(std::string_view bytes, uint64_t max_bytes);
Result<std::string> EncodeDelta(const format::VersionImage& base, const format::VersionImage& target);
Result<format::VersionImage> DecodeDelta(const format::VersionImage& base, std::string_view bytes, uint64_t max_bytes);

}  // namespace perennial::updater
