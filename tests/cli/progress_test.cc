#include "api/cli/progress.h"

#include <gtest/gtest.h>

#include <sstream>

namespace perennial::cli {
namespace {

using std::chrono::seconds;

TEST(Progress, PlainLinesComeEveryFewSecondsWithRateAndTimeLeft) {
  std::ostringstream out;
  ManualClock clock;
  Progress progress(out, clock, false, 1000, 0);
  clock.Advance(seconds(2));
  progress.Update(100);
  EXPECT_EQ(out.str(), "");
  clock.Advance(seconds(3));
  progress.Update(250);
  EXPECT_EQ(out.str(), "250 of 1000 samples, 50/s, 15s left\n");
}

TEST(Progress, ABarIsRedrawnOnATerminal) {
  std::ostringstream out;
  ManualClock clock;
  Progress progress(out, clock, true, 100, 0);
  clock.Advance(seconds(1));
  progress.Update(50);
  EXPECT_EQ(out.str(), "\r[###############...............] 50 of 100 samples, 50/s, 1s left");
  progress.Break();
  EXPECT_TRUE(out.str().ends_with("left\n"));
}

TEST(Progress, ResumedWorkDoesNotFlatterTheRate) {
  std::ostringstream out;
  ManualClock clock;
  Progress progress(out, clock, false, std::nullopt, 900);
  clock.Advance(seconds(10));
  progress.Update(1000);
  EXPECT_EQ(out.str(), "1000 samples, 10/s\n");
}

}  // namespace
}  // namespace perennial::cli
