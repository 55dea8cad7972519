#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/status.h"

namespace perennial {

// xoshiro256** (Blackman and Vigna, 2018), seeded through splitmix64: the same numbers on every machine, a state of
// 32 bytes that a checkpoint can hold. Not for secrets. Thread-compatible.
class Rng {
 public:
  explicit Rng(uint64_t seed);
  // A stream of its own for every (seed, key): augmentation of a sample is keyed by its log offset.
  Rng(uint64_t seed, uint64_t key);

  uint64_t Next();
  // Uniform in [0, bound), without modulo bias (Lemire, 2019). REQUIRES bound > 0.
  uint64_t Below(uint64_t bound);
  // Uniform in [0, 1), 53 bits.
  double Uniform();
  // Uniform in [low, high).
  double Uniform(double low, double high) { return low + (high - low) * Uniform(); }
  // Standard normal (Box-Muller, no cached second value, so the state is the four words).
  double Normal();
  bool Chance(double p) { return Uniform() < p; }

  // 32 bytes, little-endian.
  std::string Save() const;
  static Result<Rng> Load(std::string_view bytes);

 private:
  std::array<uint64_t, 4> state_;
};

// splitmix64's finaliser: a good 64-bit mix for sharding and hashing of ids.
uint64_t Mix64(uint64_t x);

}  // namespace perennial
