#include "storage/base/clock.h"

#include <gtest/gtest.h>

namespace perennial {
namespace {

TEST(ManualClock, MovesOnlyWhenTold) {
  ManualClock clock(1000);
  const SteadyTime start = clock.Now();
  EXPECT_EQ(clock.Now(), start);
  clock.Advance(std::chrono::milliseconds(2));
  EXPECT_EQ(clock.Now() - start, std::chrono::milliseconds(2));
  EXPECT_EQ(clock.WallMicros(), 3000);
  clock.JumpWall(-5000);
  EXPECT_EQ(clock.WallMicros(), -2000);
  EXPECT_EQ(clock.Now() - start, std::chrono::milliseconds(2)) << "a wall jump does not move deadlines";
  EXPECT_EQ(clock.In(std::chrono::seconds(1)) - clock.Now(), std::chrono::seconds(1));
}

TEST(SystemClock, IsPastTheYear2020AndDoesNotGoBack) {
  const SystemClock clock;
  EXPECT_GT(clock.WallMicros(), 1'577'836'800'000'000);
  const SteadyTime first = clock.Now();
  EXPECT_LE(first, clock.Now());
}

}  // namespace
}  // namespace perennial
