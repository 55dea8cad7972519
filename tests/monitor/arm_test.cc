#include "serving/monitor/arm.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace perennial::monitor {
namespace {

TEST(Arm, CountsAnswersErrorsAndFeedback) {
  Arm arm(VersionId{7});
  arm.CountAnswer(0.5, 2.0);
  arm.CountAnswer(0.25, 4.0);
  EXPECT_EQ(arm.CountError(true), 1u);
  EXPECT_EQ(arm.CountError(false), 2u);
  arm.CountFeedback(0.5, true);
  arm.CountFeedback(0.25, false);
  const updater::ArmCounts counts = arm.Counts();
  EXPECT_EQ(counts.version, VersionId{7});
  EXPECT_EQ(counts.requests, 4u);
  EXPECT_EQ(counts.errors, 2u);
  EXPECT_EQ(counts.nan_outputs, 1u);
  EXPECT_EQ(counts.feedback, 2u);
  EXPECT_EQ(counts.feedback_correct, 1u);
  EXPECT_DOUBLE_EQ(counts.confidence_sum, 0.75);
  EXPECT_DOUBLE_EQ(counts.latency_ms_sum, 6.0);
  EXPECT_EQ(arm.Confidence().answers, 2u);
  EXPECT_EQ(arm.Confidence().outcomes, 2u);
}

TEST(Arm, RenewedCountsFromZeroAndTheOldOneGoesOnAlone) {
  Arm before(VersionId{1});
  before.CountAnswer(1, 1);
  const ArmPtr after = before.Renewed();
  before.CountAnswer(1, 1);
  before.CountFeedback(1, true);
  updater::ArmCounts fresh;
  fresh.version = VersionId{1};
  EXPECT_EQ(after->Counts(), fresh);
  EXPECT_EQ(before.Counts().requests, 2u);
  // The confidence is the slot's, and the slot holds the same version.
  EXPECT_EQ(after->Confidence().answers, 2u);
}

TEST(Arm, LosesNoCountUnderParallelWriters) {
  Arm arm(VersionId{1});
  std::vector<std::thread> writers;
  for (int t = 0; t < 4; ++t) {
    writers.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) arm.CountAnswer(1, 1);
    });
  }
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(arm.Counts().requests, 4000u);
}

}  // namespace
}  // namespace perennial::monitor
