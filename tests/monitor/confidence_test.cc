#include "serving/monitor/confidence.h"

#include <gtest/gtest.h>

namespace perennial::monitor {
namespace {

TEST(ConfidenceStats, MeanAndDeviationMatchTheDefinition) {
  ConfidenceStats stats;
  for (const double c : {0.2, 0.4, 0.9}) stats.AddAnswer(c);
  const auto summary = stats.Summarise();
  EXPECT_EQ(summary.answers, 3u);
  EXPECT_NEAR(summary.mean, 0.5, 1e-12);
  EXPECT_NEAR(summary.deviation, 0.36055512754639896, 1e-12);
}

TEST(ConfidenceStats, CalibrationErrorWeighsBinsByTheirShare) {
  ConfidenceStats stats;
  // Bin 0.9..1.0: confidence 0.95, accuracy 0.5; bin 0.5..0.6: confidence 0.55, accuracy 1.
  for (int i = 0; i < 10; ++i) stats.AddOutcome(0.95, i % 2 == 0);
  for (int i = 0; i < 30; ++i) stats.AddOutcome(0.55, true);
  EXPECT_NEAR(stats.Summarise().calibration_error, 0.25 * 0.45 + 0.75 * 0.45, 1e-12);
}

TEST(ConfidenceStats, PerfectCalibrationHasNoErrorAndResetClears) {
  ConfidenceStats stats;
  for (int i = 0; i < 4; ++i) stats.AddOutcome(0.75, i != 0);
  EXPECT_NEAR(stats.Summarise().calibration_error, 0, 1e-12);
  stats.AddAnswer(2.0);
  EXPECT_DOUBLE_EQ(stats.Summarise().mean, 1.0);
  stats.Reset();
  EXPECT_EQ(stats.Summarise().answers, 0u);
  EXPECT_EQ(stats.Summarise().outcomes, 0u);
}

}  // namespace
}  // namespace perennial::monitor
