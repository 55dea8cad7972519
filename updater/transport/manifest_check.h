#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/format/manifest.h"
#include "updater/trust/signer.h"

namespace perennial::transport {

// What this release can serve: manifests that need a newer one are refused.
inline constexpr uint32_t kRuntimeVersion = 1;

// What a node checks about a manifest before it asks for the first chunk. Value type.
struct ManifestRules {
  std::string model_id;
  VersionId version;      // as HEAD names it
  Hash256 manifest_hash;  // as HEAD names it
  int64_t now_us = 0;
  uint64_t max_object_bytes = 0;
};

// kPermissionDenied (signature), kCorruption (not the bytes that HEAD names, or malformed), kInvalidArgument (another
// model or version), kFailedPrecondition (expired, or needs a newer runtime).
Result<format::Manifest> CheckManifest(std::string_view signed_manifest, const trust::Verifier& verifier,
                                       const ManifestRules& rules);

}  // namespace perennial::transport
