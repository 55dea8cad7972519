#include "updater/delta_streams.h"

#include <gtest/gtest.h>

#include <bit>

#include "storage/base/rng.h"
#include "updater/bit_runs.h"

namespace perennial::updater {
namespace {

TEST(CodeDifferences, RestoreEveryPairOfCodes) {
  std::vector<int8_t> base, target;
  for (int a = -128; a < 128; ++a) {
    for (int b = -128; b < 128; ++b) {
      base.push_back(static_cast<int8_t>(a));
      target.push_back(static_cast<int8_t>(b));
    }
  }
  CodeDifferences differences;
  differences.Add(base.data(), target.data(), 1000);
  differences.Add(base.data() + 1000, target.data() + 1000, base.size() - 1000);
  CodeRestorer restorer(differences);
  std::vector<int8_t> restored(base.size());
  restorer.Restore(base.data(), restored.data(), 777);
  restorer.Restore(base.data() + 777, restored.data() + 777, base.size() - 777);
  EXPECT_EQ(restored, target);
}

TEST(CodeDifferences, AreTakenApart) {
  const std::vector<int8_t> base{10, 10, 10, -127}, target{11, 9, 10, -125};
  CodeDifferences differences;
  differences.Add(base.data(), target.data(), base.size());
  EXPECT_EQ(differences.changed, (std::vector<bool>{true, true, false, true}));
  EXPECT_EQ(differences.negative, (std::vector<bool>{false, true, false}));
  EXPECT_EQ(differences.large, (std::vector<bool>{false, false, true}));
  EXPECT_EQ(differences.magnitudes, std::string(1, '\0'));
}

TEST(BitRuns, RoundTripAtEveryDensityAndLength) {
  Rng rng(102);
  for (const double density : {0.0, 0.0005, 0.01, 0.15, 0.17, 0.5, 1.0}) {
    for (const size_t count : {0u, 1u, 7u, 8u, 254u, 255u, 256u, 511u, 3000u}) {
      std::vector<bool> bits(count);
      for (size_t i = 0; i < count; ++i) bits[i] = rng.Chance(density);
      const std::string packed = PackBits(bits);
      EXPECT_LE(packed.size(), MaxPackedBytes(count));
      const Result<std::vector<bool>> back = UnpackBits(packed, count);
      ASSERT_TRUE(back.ok()) << back.status().ToString();
      EXPECT_EQ(*back, bits);
    }
  }
}

TEST(BitRuns, RefuseWhatDoesNotFitTheCount) {
  EXPECT_FALSE(UnpackBits(std::string("\x00\x05", 2), 5).ok()) << "a one past the end";
  EXPECT_TRUE(UnpackBits(std::string("\x00\x04", 2), 5).ok());
  EXPECT_FALSE(UnpackBits(std::string("\x01\xff\xff", 3), 8).ok()) << "a mask of 16 bits";
  EXPECT_FALSE(UnpackBits("\x02", 8).ok()) << "unknown packing";
  EXPECT_FALSE(UnpackBits("", 8).ok());
  EXPECT_FALSE(UnpackBits("\x01", 0).ok());
}

TEST(FoldFloat, IsABijectionOnBits) {
  Rng rng(101);
  for (int i = 0; i < 10000; ++i) {
    const auto base = std::bit_cast<float>(static_cast<uint32_t>(rng.Next()));
    const auto bits = static_cast<uint32_t>(rng.Next());
    const float back = UnfoldFloat(base, FoldFloat(base, std::bit_cast<float>(bits)));
    EXPECT_EQ(std::bit_cast<uint32_t>(back), bits);
  }
  EXPECT_EQ(FoldFloat(1.5f, 1.5f), 0u);
  EXPECT_LT(FoldFloat(1.0f, 1.0001f), 2048u);
}

}  // namespace
}  // namespace perennial::updater
