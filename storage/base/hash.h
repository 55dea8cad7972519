#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/status.h"

namespace perennial {

// A SHA-256 value. Value type, ordered, hashable.
struct Hash256 {
  std::array<uint8_t, 32> bytes{};

  friend auto operator<=>(const Hash256&, const Hash256&) = default;
  bool IsZero() const { return *this == Hash256{}; }
  std::string Hex() const;
  // First 12 hex digits, for people.
  std::string Short() const { return Hex().substr(0, 12); }
  std::string_view View() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
  // kCorruption unless exactly 32 bytes.
  static Result<Hash256> FromBytes(std::string_view raw);
  static Result<Hash256> FromHex(std::string_view hex);
};

// SHA-256 (FIPS 180-4) through OpenSSL.
Hash256 Sha256(std::string_view data);

// Incremental SHA-256. Thread-compatible.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(const Sha256Stream&) = delete;
  Sha256Stream& operator=(const Sha256Stream&) = delete;
  void Update(std::string_view data);
  // REQUIRES: called once, last.
  Hash256 Finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Root of a binary Merkle tree: node = SHA-256(0x01 || left || right), leaf = SHA-256(0x00 || leaf hash), an odd node moves up
// unchanged (RFC 6962's domain separation). The root of no leaves is SHA-256 of nothing.
Hash256 MerkleRoot(const std::vector<Hash256>& leaves);

}  // namespace perennial

template <>
struct std::hash<perennial::Hash256> {
  size_t operator()(const perennial::Hash256& h) const noexcept;
};
