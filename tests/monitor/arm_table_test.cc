#include "serving/monitor/arm_table.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace perennial::monitor {
namespace {

TEST(ArmTable, CountsEachVersionOnItsOwn) {
  ArmTable table;
  table.SetResident({VersionId{1}, VersionId{2}});
  table.CountAnswer(VersionId{1}, 0.5, 2.0);
  table.CountAnswer(VersionId{1}, 0.25, 4.0);
  table.CountError(VersionId{2}, true);
  table.CountError(VersionId{2}, false);
  table.CountFeedback(VersionId{1}, true);
  table.CountFeedback(VersionId{1}, false);
  const auto counts = table.Counts();
  ASSERT_EQ(counts.size(), 2u);
  EXPECT_EQ(counts[0].requests, 2u);
  EXPECT_DOUBLE_EQ(counts[0].confidence_sum, 0.75);
  EXPECT_DOUBLE_EQ(counts[0].latency_ms_sum, 6.0);
  EXPECT_EQ(counts[0].feedback, 2u);
  EXPECT_EQ(counts[0].feedback_correct, 1u);
  EXPECT_EQ(counts[1].requests, 2u);
  EXPECT_EQ(counts[1].errors, 2u);
  EXPECT_EQ(counts[1].nan_outputs, 1u);
}

TEST(ArmTable, ForgetsVersionsThatLeaveAndKeepsThoseThatStay) {
  ArmTable table;
  table.SetResident({VersionId{1}});
  table.CountAnswer(VersionId{1}, 1, 1);
  table.SetResident({VersionId{1}, VersionId{2}});
  table.CountAnswer(VersionId{2}, 1, 1);
  table.SetResident({VersionId{2}});
  table.CountAnswer(VersionId{1}, 1, 1);
  table.CountFeedback(VersionId{1}, true);
  const auto counts = table.Counts();
  ASSERT_EQ(counts.size(), 1u);
  EXPECT_EQ(counts[0].version, VersionId{2});
  EXPECT_EQ(counts[0].requests, 1u);
}

TEST(ArmTable, TrialStartsFromZeroOnBothArms) {
  ArmTable table;
  table.SetResident({VersionId{1}, VersionId{2}});
  table.CountAnswer(VersionId{1}, 1, 1);
  table.ResetAll();
  updater::ArmCounts first, second;
  first.version = VersionId{1};
  second.version = VersionId{2};
  EXPECT_EQ(table.Counts(), (std::vector<updater::ArmCounts>{first, second}));
}

TEST(ArmTable, LosesNoCountUnderParallelWriters) {
  ArmTable table;
  table.SetResident({VersionId{1}});
  std::vector<std::thread> writers;
  for (int t = 0; t < 4; ++t) {
    writers.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) table.CountAnswer(VersionId{1}, 1, 1);
    });
  }
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(table.Counts()[0].requests, 4000u);
}

}  // namespace
}  // namespace perennial::monitor
