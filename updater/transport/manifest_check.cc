#include "updater/transport/manifest_check.h"

namespace perennial::transport {

Result<format::Manifest> CheckManifest(std::string_view signed_manifest, const trust::Verifier& verifier,
                                       const ManifestRules& rules) {
  const std::string what = "manifest of version " + rules.version.ToString();
  PERENNIAL_ASSIGN_OR_RETURN(const format::SignedManifest envelope, format::SignedManifest::Decode(signed_manifest));
  PERENNIAL_ASSIGN_OR_RETURN(format::Manifest manifest, verifier.VerifyManifest(envelope).WithContext(what));
  if (envelope.Hash() != rules.manifest_hash) return Corruption(what + " is not the one that HEAD names");
  PERENNIAL_RETURN_IF_ERROR(manifest.Validate());
  if (manifest.model_id != rules.model_id) {
    return InvalidArgument(what + " is of model " + manifest.model_id + ", this node serves " + rules.model_id);
  }
  if (manifest.version != rules.version) {
    return InvalidArgument(what + " says it is version " + manifest.version.ToString());
  }
  if (manifest.expires_us != 0 && manifest.expires_us <= rules.now_us) {
    return FailedPrecondition(what + " has expired", "publish the version again, or check this node's clock");
  }
  if (manifest.minimum_runtime > kRuntimeVersion) {
    return FailedPrecondition(what + " needs runtime " + std::to_string(manifest.minimum_runtime) + ", this is " +
                                  std::to_string(kRuntimeVersion),
                              "install a newer perennial-edge");
  }
  std::erase_if(manifest.objects, [&rules](const format::ObjectRef& object) {
    return object.bytes > rules.max_object_bytes || object.decoded_bytes > rules.max_object_bytes;
  });
  if (manifest.objects.empty()) {
    return FailedPrecondition(what + " is larger than this node takes", "raise max_object_bytes");
  }
  return manifest;
}

}  // namespace perennial::transport
