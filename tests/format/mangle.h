#pragma once

#include <gtest/gtest.h>

#include <string>

#include "storage/base/rng.h"

namespace perennial::format {

// Every proper prefix must be refused by `decode` (which returns a Result).
template <typename Decode>
void ExpectEveryTruncationIsRefused(const std::string& bytes, Decode&& decode) {
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode(bytes.substr(0, size)).ok()) << "accepted a prefix of " << size << " bytes";
  }
}

// Random flips, deletions and insertions: `decode` may refuse or accept, but must neither crash nor run wild.
template <typename Decode>
void SurvivesRandomDamage(const std::string& bytes, uint64_t seed, int rounds, Decode&& decode) {
  Rng rng(seed);
  for (int round = 0; round < rounds; ++round) {
    std::string damaged = bytes;
    const uint64_t edits = 1 + rng.Below(4);
    for (uint64_t i = 0; i < edits && !damaged.empty(); ++i) {
      const size_t at = rng.Below(damaged.size());
      switch (rng.Below(4)) {
        case 0:
          damaged[at] = static_cast<char>(rng.Below(256));
          break;
        case 1:
          damaged.erase(at, 1 + rng.Below(8));
          break;
        case 2:
          damaged.insert(at, 1 + rng.Below(8), static_cast<char>(rng.Below(256)));
          break;
        default:
          damaged[at] = static_cast<char>(0xff);
          break;
      }
    }
    (void)decode(damaged).ok();
  }
}

}  // namespace perennial::format
