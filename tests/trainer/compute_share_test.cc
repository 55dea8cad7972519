#include "trainer/compute_share.h"

#include <gtest/gtest.h>

#include <cmath>

namespace perennial::trainer {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kGrace = ComputeShare::kGrace;

TEST(ComputeShare, ShadowsTogetherHaveTheirShareOfAllThatIsSpent) {
  ComputeShare share(0.25, 2);
  Duration main{}, shadows[2] = {};
  for (int i = 0; i < 10'000; ++i) {
    main += milliseconds(10);
    share.MainWorked(milliseconds(10), false);
    for (size_t k = 0; k < 2; ++k) {
      if (!share.MayWork(k)) continue;
      shadows[k] += milliseconds(7);
      share.Worked(k, milliseconds(7));
    }
  }
  const Duration both = shadows[0] + shadows[1];
  const double got = std::chrono::duration<double>(both - 2 * kGrace) / std::chrono::duration<double>(main + both);
  EXPECT_NEAR(got, 0.25, 0.01);
  EXPECT_NEAR(std::chrono::duration<double>(shadows[0]) / std::chrono::duration<double>(shadows[1]), 1, 0.02);
}

TEST(ComputeShare, AShadowThatIsOverWaitsUntilTheMainTrainerHasCaughtUp) {
  ComputeShare share(0.5, 1);
  EXPECT_TRUE(share.MayWork(0));
  share.Worked(0, seconds(10));
  EXPECT_FALSE(share.MayWork(0));
  share.MainWorked(seconds(7), false);
  EXPECT_FALSE(share.MayWork(0));
  share.MainWorked(seconds(2), false);
  EXPECT_TRUE(share.MayWork(0));
}

TEST(ComputeShare, WhatTheMainTrainerDoesNotUseIsFree) {
  ComputeShare share(0.1, 1);
  share.Worked(0, seconds(100));
  EXPECT_FALSE(share.MayWork(0));
  share.MainWorked(Duration{}, true);
  EXPECT_TRUE(share.MayWork(0));
  share.MainWorked(milliseconds(1), false);
  EXPECT_FALSE(share.MayWork(0));
  share.MainRests(true);
  EXPECT_TRUE(share.MayWork(0));
  share.MainRests(false);
  EXPECT_FALSE(share.MayWork(0));
}

TEST(ComputeShare, AShareOfOneNeverHoldsBack) {
  ComputeShare share(1, 1);
  share.Worked(0, seconds(1000));
  EXPECT_TRUE(share.MayWork(0));
  for (const double bad : {0.0, -0.5, 1.5}) EXPECT_FALSE(ComputeShare::Validate(bad).ok()) << bad;
  EXPECT_FALSE(ComputeShare::Validate(std::nan("")).ok());
  EXPECT_TRUE(ComputeShare::Validate(1).ok());
}

}  // namespace
}  // namespace perennial::trainer
