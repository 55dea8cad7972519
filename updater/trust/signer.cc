#include "updater/trust/signer.h"

#include <sodium.h>

#include <cstring>

#include "storage/base/bytes.h"
#include "updater/trust/key_file.h"
#include "updater/trust/secret_bytes.h"

namespace perennial::trust {
namespace {

constexpr std::string_view kKeyKind = "perennial-ed25519-secret-v1";

// Holds libsodium's 64-byte secret key: the 32-byte seed and the public key.
class SodiumSigner final : public Signer {
 public:
  explicit SodiumSigner(SecretBytes seed) : secret_(crypto_sign_SECRETKEYBYTES) {
    crypto_sign_seed_keypair(public_key_.bytes.data(), secret_.data(), seed.data());
  }

  Status Save(const std::string& path) const override {
    std::string seed = Base64Encode({reinterpret_cast<const char*>(secret_.data()), crypto_sign_SEEDBYTES});
    std::vector<std::string> words;
    words.push_back(std::move(seed));
    const Status written = WriteKeyFile(path, KeyFileAccess::kSecret, kKeyKind, words);
    Wipe(words[0]);
    return written;
  }

  PublicKey public_key() const override { return public_key_; }

  std::string Sign(std::string_view context, std::string_view message) const override {
    const std::string text = SignedText(context, message);
    std::string signature(crypto_sign_BYTES, '\0');
    crypto_sign_detached(reinterpret_cast<unsigned char*>(signature.data()), nullptr,
                         reinterpret_cast<const unsigned char*>(text.data()), text.size(), secret_.data());
    return signature;
  }

 private:
  SecretBytes secret_;
  PublicKey public_key_;
};

}  // namespace

std::string SignedText(std::string_view context, std::string_view message) {
  std::string text;
  text.reserve(context.size() + 1 + message.size());
  return text.append(context).append(1, '\0').append(message);
}

std::string PublicKey::Id() const {
  return std::string(Sha256({reinterpret_cast<const char*>(bytes.data()), bytes.size()}).View().substr(0, 8));
}

std::unique_ptr<Signer> Signer::Generate() {
  SecretBytes seed(crypto_sign_SEEDBYTES);
  randombytes_buf(seed.data(), seed.size());
  return std::make_unique<SodiumSigner>(std::move(seed));
}

Result<std::unique_ptr<Signer>> Signer::Load(const std::string& path) {
  PERENNIAL_ASSIGN_OR_RETURN(std::vector<std::string> words, ReadKeyFile(path, KeyFileAccess::kSecret, kKeyKind, 1));
  Result<std::string> raw = Base64Decode(words[0]);
  Wipe(words[0]);
  if (!raw.ok() || raw->size() != crypto_sign_SEEDBYTES) return Corruption("key file " + path + ": not a 32-byte key");
  SecretBytes seed(crypto_sign_SEEDBYTES);
  std::memcpy(seed.data(), raw->data(), seed.size());
  Wipe(*raw);
  return std::unique_ptr<Signer>(std::make_unique<SodiumSigner>(std::move(seed)));
}

format::SignedManifest Signer::SignManifest(const format::Manifest& manifest) const {
  format::SignedManifest signed_manifest{manifest.Encode(), {}};
  signed_manifest.signatures.push_back({public_key().Id(), Sign(kManifestContext, signed_manifest.bytes)});
  return signed_manifest;
}

}  // namespace perennial::trust
