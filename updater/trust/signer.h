#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/status.h"
#include "storage/format/manifest.h"

namespace perennial::trust {

// A public Ed25519 key and its id (first 8 bytes of its SHA-256).
struct PublicKey {
  std::array<uint8_t, 32> bytes{};
  std::string Id() const;
  friend bool operator==(const PublicKey&, const PublicKey&) = default;
};

// Signs with one Ed25519 key (libsodium). The secret stays in locked, zeroed-on-free memory and is never logged.
// Thread-safe.
class Signer {
 public:
  static std::unique_ptr<Signer> Generate();
  // A key file made by Save(); kPermissionDenied when others may read it.
  static Result<std::unique_ptr<Signer>> Load(const std::string& path);
  virtual ~Signer() = default;
  virtual Status Save(const std::string& path) const = 0;  // mode 0600
  virtual PublicKey public_key() const = 0;
  // Ed25519 over context + '\0' + message: a signature for one purpose is no use for another. 64 bytes.
  virtual std::string Sign(std::string_view context, std::string_view message) const = 0;
  format::SignedManifest SignManifest(const format::Manifest& manifest) const;
};

// What is really signed: context, a zero byte, message.
std::string SignedText(std::string_view context, std::string_view message);

inline constexpr std::string_view kManifestContext = "perennial manifest v1";
inline constexpr std::string_view kHeadContext = "perennial head v1";

// The keys a node trusts to publish, and how many must have signed. Immutable; thread-safe.
class Verifier {
 public:
  Verifier(std::vector<PublicKey> keys, size_t threshold) : keys_(std::move(keys)), threshold_(threshold) {}
  bool VerifyOne(std::string_view context, std::string_view message, std::string_view key_id,
                 std::string_view signature) const;
  // Distinct trusted keys with a valid signature >= threshold; extra invalid signatures do no harm. kPermissionDenied
  // otherwise.
  Result<format::Manifest> VerifyManifest(const format::SignedManifest& manifest) const;
  const std::vector<PublicKey>& keys() const { return keys_; }

 private:
  std::vector<PublicKey> keys_;
  size_t threshold_;
};

}  // namespace perennial::trust
