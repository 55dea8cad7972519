#include "storage/base/hash.h"

#include <openssl/evp.h>

#include <cstring>

#include "storage/base/bytes.h"

namespace perennial {

std::string Hash256::Hex() const { return HexEncode(View()); }

Result<Hash256> Hash256::FromBytes(std::string_view raw) {
  if (raw.size() != 32) return Corruption("a SHA-256 has 32 bytes, got " + std::to_string(raw.size()));
  Hash256 hash;
  std::memcpy(hash.bytes.data(), raw.data(), 32);
  return hash;
}

Result<Hash256> Hash256::FromHex(std::string_view hex) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::string raw, HexDecode(hex));
  return FromBytes(raw);
}

struct Sha256Stream::Impl {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
};

Sha256Stream::Sha256Stream() : impl_(std::make_unique<Impl>()) {
  EVP_DigestInit_ex(impl_->context, EVP_sha256(), nullptr);
}

Sha256Stream::~Sha256Stream() { EVP_MD_CTX_free(impl_->context); }

void Sha256Stream::Update(std::string_view data) { EVP_DigestUpdate(impl_->context, data.data(), data.size()); }

Hash256 Sha256Stream::Finish() {
  Hash256 hash;
  unsigned int size = 32;
  EVP_DigestFinal_ex(impl_->context, hash.bytes.data(), &size);
  return hash;
}

Hash256 Sha256(std::string_view data) {
  // One context per thread: setting one up costs as much as hashing 200 bytes.
  thread_local const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                                     &EVP_MD_CTX_free);
  Hash256 hash;
  unsigned int size = 32;
  EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
  EVP_DigestUpdate(context.get(), data.data(), data.size());
  EVP_DigestFinal_ex(context.get(), hash.bytes.data(), &size);
  return hash;
}

Hash256 MerkleRoot(const std::vector<Hash256>& leaves) {
  if (leaves.empty()) return Sha256({});
  std::vector<Hash256> level;
  level.reserve(leaves.size());
  for (const Hash256& leaf : leaves) level.push_back(Sha256(std::string(1, '\0').append(leaf.View())));
  while (level.size() > 1) {
    std::vector<Hash256> above;
    for (size_t i = 0; i + 1 < level.size(); i += 2) {
      above.push_back(Sha256(std::string(1, '\1').append(level[i].View()).append(level[i + 1].View())));
    }
    if (level.size() % 2 == 1) above.push_back(level.back());
    level = std::move(above);
  }
  return level[0];
}

}  // namespace perennial

size_t std::hash<perennial::Hash256>::operator()(const perennial::Hash256& h) const noexcept {
  size_t v = 0;
  std::memcpy(&v, h.bytes.data(), sizeof v);
  return v;
}
