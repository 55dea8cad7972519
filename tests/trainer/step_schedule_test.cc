#include "trainer/step_schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "storage/base/rng.h"

namespace perennial::trainer {
namespace {

StepScheduleOptions Options(uint64_t least, uint64_t most, double label_samples) {
  StepScheduleOptions options;
  options.least = least;
  options.most = most;
  options.label_samples = label_samples;
  return options;
}

uint64_t Train(StepSchedule& schedule, const std::vector<int64_t>& labels) {
  const uint64_t steps = schedule.StepsFor(labels);
  schedule.Note(labels);
  return steps;
}

TEST(StepSchedule, FollowsItsFormula) {
  StepSchedule schedule(Options(2, 10, 40));
  // By hand, s(n) = clamp(40 / (1 + n), 2, 10): 10 up to n = 3, then 8, 6.67, 5.71, 5; n = 19 on: 2.
  EXPECT_EQ(Train(schedule, {0, 0, 0, 0}), 10U);
  EXPECT_EQ(Train(schedule, {0, 0, 0, 0}), 6U) << "25.38 / 4";
  EXPECT_EQ(Train(schedule, {0, 0, 1, 1}), 7U) << "(4.44 + 4 + 10 + 10) / 4";
  EXPECT_EQ(schedule.seen(), (std::vector<uint64_t>{10, 2}));
  schedule.Note(std::vector<int64_t>(100, 0));
  EXPECT_EQ(schedule.StepsFor({0, 0, 0, 0}), 2U);
  EXPECT_EQ(schedule.StepsFor({0, 0, 0, 5}), 4U) << "one new label among known ones: (2 + 2 + 2 + 10) / 4";
  EXPECT_EQ(schedule.StepsFor({}), 2U);
}

TEST(StepSchedule, WithoutLabelSamplesEveryBatchIsAlike) {
  StepSchedule schedule(Options(3, 50, 0));
  EXPECT_EQ(Train(schedule, {7}), 3U);
  EXPECT_EQ(Train(schedule, {1, 2}), 3U);
  EXPECT_EQ(StepSchedule(Options(1, 1, 1000)).StepsFor({0, 1}), 1U);
}

TEST(StepSchedule, TheStepsOfAStreamDoNotDependOnTheOrderOfItsLabels) {
  std::vector<int64_t> sorted;
  for (int64_t label = 0; label < 7; ++label) sorted.insert(sorted.end(), static_cast<size_t>(60 + 90 * label), label);
  std::vector<int64_t> mixed = sorted;
  Rng rng(1);
  for (size_t i = mixed.size(); i > 1; --i) std::swap(mixed[i - 1], mixed[rng.Below(i)]);
  const auto total = [](const std::vector<int64_t>& stream) {
    StepSchedule schedule(Options(1, 30, 4000));
    uint64_t steps = 0;
    for (size_t i = 0; i < stream.size(); i += 10) {
      const size_t end = std::min(stream.size(), i + 10);
      steps += Train(schedule, {stream.begin() + static_cast<std::ptrdiff_t>(i),
                                stream.begin() + static_cast<std::ptrdiff_t>(end)});
    }
    return static_cast<double>(steps);
  };
  EXPECT_NEAR(total(sorted), total(mixed), 0.01 * total(sorted)) << "but for rounding";
}

TEST(StepSchedule, NeverLeavesItsBounds) {
  Rng rng(2);
  StepSchedule schedule(Options(2, 9, 70));
  for (int i = 0; i < 500; ++i) {
    std::vector<int64_t> labels(1 + rng.Below(12));
    for (int64_t& label : labels) label = static_cast<int64_t>(rng.Below(40));
    const uint64_t steps = Train(schedule, labels);
    EXPECT_GE(steps, 2U);
    EXPECT_LE(steps, 9U);
  }
}

TEST(StepSchedule, GoesOnFromItsCounts) {
  StepSchedule whole(Options(1, 20, 100));
  (void)Train(whole, {0, 1, 1, 3});
  StepSchedule resumed(Options(1, 20, 100));
  resumed.Restore(whole.seen());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Train(whole, {0, 1, 2, 3}), Train(resumed, {0, 1, 2, 3}));
}

TEST(StepSchedule, SaysWhatIsWrongWithItsOptions) {
  EXPECT_TRUE(Options(1, 1, 0).Validate().ok());
  EXPECT_TRUE(Options(4, 1000, 1e6).Validate().ok());
  for (const StepScheduleOptions& wrong :
       {Options(0, 1, 0), Options(5, 4, 0), Options(1, 1001, 0), Options(1, 2, -1),
        Options(1, 2, std::numeric_limits<double>::infinity()), Options(1, 2, std::nan(""))}) {
    EXPECT_EQ(wrong.Validate().code(), Code::kInvalidArgument) << wrong.least << " " << wrong.most;
  }
  EXPECT_NE(Options(5, 4, 0).Validate().message().find("most_steps_per_batch is 4, not 5"), std::string::npos);
}

}  // namespace
}  // namespace perennial::trainer
