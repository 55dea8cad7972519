#include <sodium.h>

#include <algorithm>
#include <set>

#include "updater/trust/secret_bytes.h"
#include "updater/trust/signer.h"

namespace perennial::trust {

bool Verifier::VerifyOne(std::string_view context, std::string_view message, std::string_view key_id,
                         std::string_view signature) const {
  if (signature.size() != crypto_sign_BYTES) return false;
  EnsureSodium();
  const std::string text = SignedText(context, message);
  return std::any_of(keys_.begin(), keys_.end(), [&](const PublicKey& key) {
    return key.Id() == key_id && crypto_sign_verify_detached(reinterpret_cast<const unsigned char*>(signature.data()),
                                                             reinterpret_cast<const unsigned char*>(text.data()),
                                                             text.size(), key.bytes.data()) == 0;
  });
}

Result<format::Manifest> Verifier::VerifyManifest(const format::SignedManifest& manifest) const {
  std::set<std::string_view> signers;
  for (const auto& [key_id, signature] : manifest.signatures) {
    // A key counts once, however often it signed.
    if (signers.contains(key_id)) continue;
    if (VerifyOne(kManifestContext, manifest.bytes, key_id, signature)) signers.insert(key_id);
  }
  // A threshold of zero would trust everybody.
  const size_t needed = std::max<size_t>(threshold_, 1);
  if (signers.size() < needed) {
    return PermissionDenied("manifest: " + std::to_string(signers.size()) + " of " + std::to_string(needed) +
                                " needed signatures are valid and by trusted keys",
                            "check that the node trusts this hub's release key");
  }
  return format::Manifest::Decode(manifest.bytes);
}

}  // namespace perennial::trust
