#include "updater/float_difference.h"

#include <gtest/gtest.h>

#include <bit>

#include "storage/base/rng.h"

namespace perennial::updater {
namespace {

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
