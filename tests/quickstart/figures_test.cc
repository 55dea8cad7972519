#include <gtest/gtest.h>

#include <cmath>

#include "api/quickstart/exam.h"
#include "api/quickstart/live_delay.h"
#include "api/quickstart/version_check.h"

// The figures that the quickstart reports, on records made by hand: a figure that cannot come out bad says nothing.
namespace perennial::quickstart {
namespace {

RequestRecord Answer(uint64_t version, size_t sample, const std::string& predicted, double confidence) {
  RequestRecord record;
  record.ok = true;
  record.version = record.header_version = version;
  record.sample = sample;
  record.predicted = predicted;
  record.confidence = confidence;
  return record;
}

TEST(CountMixedVersions, FindsBodyAndHeaderOfTwoVersions) {
  RequestRecord torn = Answer(3, 0, "dent", 0.9);
  torn.header_version = 4;
  EXPECT_EQ(CountMixedVersions({torn}, {}), 1u);
  torn.ok = false;  // a failed request is counted as failed
  EXPECT_EQ(CountMixedVersions({torn}, {}), 0u);
}

TEST(CountMixedVersions, FindsOneVersionThatAnswersTheSameSampleInTwoWays) {
  EXPECT_EQ(CountMixedVersions({Answer(3, 0, "dent", 0.9), Answer(3, 0, "pit", 0.9)}, {}), 1u);
  EXPECT_EQ(CountMixedVersions({Answer(3, 0, "dent", 0.9)}, {Answer(3, 0, "dent", 0.8)}), 1u) << "live against exam";
}

TEST(CountMixedVersions, LetsVersionsSamplesTiesAndLastBitsDiffer) {
  EXPECT_EQ(CountMixedVersions({Answer(3, 0, "dent", 0.9), Answer(4, 0, "pit", 0.7), Answer(3, 1, "pit", 0.6)}, {}),
            0u);
  EXPECT_EQ(CountMixedVersions({Answer(3, 0, "dent", 0.9), Answer(3, 0, "dent", 0.9005)}, {}), 0u);
  EXPECT_EQ(CountMixedVersions({Answer(3, 0, "dent", 0.4), Answer(3, 0, "pit", 0.4)}, {}), 0u) << "a near tie";
}

Dataset TwoSlices() {
  Dataset dataset;
  for (const auto& [name, labels] : std::vector<std::pair<std::string, std::vector<std::string>>>{
           {"base", {"dent", "dent", "dent", "pit"}}, {"new", {"rust"}}}) {
    SliceData& slice = dataset.slices.emplace_back();
    slice.name = name;
    for (const std::string& label : labels) slice.test.emplace_back().label = label;
  }
  return dataset;
}

TEST(ScoreExam, CountsClassesEquallyInTheBalancedFigureAndFailuresAsWrong) {
  const Dataset dataset = TwoSlices();
  std::vector<RequestRecord> records;
  for (size_t i = 0; i < 4; ++i) records.push_back(Answer(1, i, "dent", 1));
  RequestRecord failed = Answer(1, 0, "rust", 1);
  failed.slice = 1;
  failed.ok = false;
  records.push_back(failed);
  const auto scores = ScoreExam(dataset, records);
  ASSERT_EQ(scores.size(), 2u);
  EXPECT_DOUBLE_EQ(scores[0].accuracy, 0.75);
  EXPECT_DOUBLE_EQ(scores[0].balanced_accuracy, 0.5);
  EXPECT_EQ(scores[0].samples, 4u);
  EXPECT_DOUBLE_EQ(scores[1].accuracy, 0.0);
}

SteadyTime At(double seconds) {
  return SteadyTime{} + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

TEST(DelaysOf, TakesTheFirstVersionThatLearnedFromAllOfABatch) {
  const std::vector<Acknowledged> batches{{10, 10, At(1)}, {20, 10, At(2)}, {30, 10, At(3)}};
  const std::vector<LiveVersion> live{{1, 15, At(4)}, {2, 30, At(10)}};
  const LiveDelays delays = DelaysOf(batches, live);
  EXPECT_EQ(delays.seconds, (std::vector<double>{3, 7, 8}));
  EXPECT_DOUBLE_EQ(delays.p50_s, 7);
  EXPECT_EQ(delays.samples_not_live, 0u);
}

TEST(DelaysOf, CountsWhatNeverWentLiveAsInfinitelyLate) {
  const std::vector<Acknowledged> batches{{10, 10, At(1)}, {40, 30, At(2)}};
  const LiveDelays delays = DelaysOf(batches, {{1, 10, At(4)}});
  EXPECT_EQ(delays.samples_not_live, 30u);
  EXPECT_EQ(delays.seconds, (std::vector<double>{3}));
  EXPECT_TRUE(std::isinf(delays.p50_s));
  EXPECT_TRUE(std::isinf(DelaysOf({}, {}).p50_s));
}

TEST(DelaysOf, WeighsBatchesByTheirSamples) {
  const std::vector<Acknowledged> batches{{1, 1, At(0)}, {2, 1, At(1)}, {100, 98, At(2)}};
  EXPECT_DOUBLE_EQ(DelaysOf(batches, {{1, 2, At(2)}, {2, 100, At(20)}}).p50_s, 18);
}

}  // namespace
}  // namespace perennial::quickstart
