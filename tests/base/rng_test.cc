#include "storage/base/rng.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace perennial {
namespace {

// Computed with an independent implementation of xoshiro256** and splitmix64; the first for seed 0 are also those that
// other libraries print.
TEST(Rng, GivesTheGoldenNumbersOnEveryMachine) {
  Rng zero(0);
  for (const uint64_t expected :
       {0x99ec5f36cb75f2b4ULL, 0xbf6e1f784956452aULL, 0x1a5f849d4933e6e0ULL, 0x6aa594f1262d2d2cULL}) {
    EXPECT_EQ(zero.Next(), expected);
  }
  Rng one(1);
  for (const uint64_t expected : {0xb3f2af6d0fc710c5ULL, 0x853b559647364ceaULL, 0x92f89756082a4514ULL}) {
    EXPECT_EQ(one.Next(), expected);
  }
  Rng keyed(1, 2);
  EXPECT_EQ(keyed.Next(), 0x67a80e13f25d2da7ULL);
  EXPECT_EQ(keyed.Next(), 0x6230266eafa7d99eULL);
  EXPECT_EQ(Mix64(0), 0xe220a8397b1dcdafULL);
  EXPECT_EQ(Mix64(1), 0x910a2dec89025cc1ULL);
  Rng below(7);
  for (const uint64_t expected : {7, 2, 8, 9, 9, 8, 0, 1, 4, 1, 5, 7}) EXPECT_EQ(below.Below(10), expected);
  EXPECT_EQ(below.Below((1ULL << 63) + 5), 8124414284930628879ULL);
  Rng uniform(3);
  EXPECT_EQ(uniform.Uniform(), 0.690638295117788);
  EXPECT_EQ(uniform.Uniform(), 0.6405810067354607);
}

TEST(Rng, SavedStateGoesOnExactly) {
  Rng rng(42);
  for (int i = 0; i < 100; ++i) {
    Rng restored = Rng::Load(rng.Save()).value();
    EXPECT_EQ(restored.Next(), rng.Next());
    EXPECT_EQ(restored.Normal(), rng.Normal());
    EXPECT_EQ(restored.Below(1000), rng.Below(1000));
  }
  EXPECT_EQ(rng.Save().size(), 32U);
}

TEST(Rng, RefusesStatesThatItNeverSaves) {
  const std::string state = Rng(1).Save();
  for (const size_t size : {0, 31, 33}) {
    std::string wrong = state;
    wrong.resize(size);
    EXPECT_EQ(Rng::Load(wrong).status().code(), Code::kCorruption);
  }
  EXPECT_EQ(Rng::Load(std::string(32, '\0')).status().code(), Code::kCorruption);
}

TEST(Rng, BelowStaysInRangeAndReachesAll) {
  Rng rng(5);
  std::vector<int> counts(7);
  for (int i = 0; i < 70'000; ++i) ++counts.at(rng.Below(7));
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 500);
  EXPECT_EQ(rng.Below(1), 0U);
}

TEST(Rng, UniformAndNormalHaveTheirMoments) {
  Rng rng(6);
  double sum = 0, square = 0, normal_sum = 0, normal_square = 0;
  constexpr int kDraws = 100'000;
  for (int i = 0; i < kDraws; ++i) {
    const double u = rng.Uniform();
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    const double n = rng.Normal();
    ASSERT_TRUE(std::isfinite(n));
    sum += u, square += u * u, normal_sum += n, normal_square += n * n;
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 0.005);
  EXPECT_NEAR(square / kDraws, 1.0 / 3, 0.005);
  EXPECT_NEAR(normal_sum / kDraws, 0.0, 0.02);
  EXPECT_NEAR(normal_square / kDraws, 1.0, 0.03);
}

TEST(Rng, NeighbouringKeysHaveStreamsOfTheirOwn) {
  std::set<uint64_t> firsts;
  for (uint64_t seed = 0; seed < 30; ++seed) {
    for (uint64_t key = 0; key < 30; ++key) firsts.insert(Rng(seed, key).Next());
  }
  EXPECT_EQ(firsts.size(), 900U);
}

}  // namespace
}  // namespace perennial
