#include "storage/base/rng.h"

#include <bit>
#include <cmath>
#include <numbers>

#include "storage/base/bytes.h"

namespace perennial {

uint64_t Mix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

Rng::Rng(uint64_t seed) {
  for (auto& word : state_) {
    word = Mix64(seed);
    seed += 0x9e3779b97f4a7c15ULL;
  }
}

Rng::Rng(uint64_t seed, uint64_t key) : Rng(Mix64(seed) ^ (Mix64(key) * 0xff51afd7ed558ccdULL)) {}

uint64_t Rng::Next() {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

uint64_t Rng::Below(uint64_t bound) {
  __extension__ using Wide = unsigned __int128;
  Wide product = Wide(Next()) * bound;
  auto low = static_cast<uint64_t>(product);
  if (low < bound) {
    const uint64_t threshold = -bound % bound;
    while (low < threshold) {
      product = Wide(Next()) * bound;
      low = static_cast<uint64_t>(product);
    }
  }
  return static_cast<uint64_t>(product >> 64);
}

double Rng::Uniform() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

double Rng::Normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - Uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * Uniform());
}

std::string Rng::Save() const {
  ByteWriter out;
  for (const uint64_t word : state_) out.U64(word);
  return out.Take();
}

Result<Rng> Rng::Load(std::string_view bytes) {
  if (bytes.size() != 32) return Corruption("random state has " + std::to_string(bytes.size()) + " bytes, not 32");
  ByteReader in(bytes);
  Rng rng(0);
  uint64_t any = 0;
  for (auto& word : rng.state_) any |= word = in.U64();
  if (any == 0) return Corruption("random state is all zero: it would give zeros for ever");
  return rng;
}

}  // namespace perennial
