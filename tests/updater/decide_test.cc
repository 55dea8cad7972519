#include <gtest/gtest.h>

#include <cmath>

#include "storage/base/rng.h"
#include "tests/updater/support/hub_and_node.h"
#include "updater/proportion.h"

namespace perennial::updater {
namespace {

constexpr VersionId kStable{1};
constexpr VersionId kCandidate{2};
constexpr Duration kYoung = std::chrono::seconds(5);

TEST(Proportion, BoundsAreWilsons) {
  // Newcombe 1998, table of score intervals, here one-sided 95 % (z = 1.645).
  EXPECT_NEAR(WilsonUpper({0, 20}), 0.1192, 1e-4);
  EXPECT_NEAR(WilsonLower({20, 20}), 0.8808, 1e-4);
  EXPECT_NEAR(WilsonLower({81, 263}), 0.2633, 5e-4);
  EXPECT_EQ(WilsonLower({0, 0}), 0.0);
  EXPECT_EQ(WilsonUpper({0, 0}), 1.0);
}

TEST(Proportion, DifferenceBoundCoversTheTruthAsOftenAsItSays) {
  Rng rng(4);
  int missed = 0;
  constexpr int kRuns = 4000;
  for (int run = 0; run < kRuns; ++run) {
    Proportion a{0, 60}, b{0, 40};
    for (uint64_t i = 0; i < a.total; ++i) a.hits += rng.Chance(0.8) ? 1 : 0;
    for (uint64_t i = 0; i < b.total; ++i) b.hits += rng.Chance(0.6) ? 1 : 0;
    missed += DifferenceLower(a, b) > 0.2 ? 1 : 0;
  }
  EXPECT_LT(missed, kRuns * 7 / 100);
  EXPECT_GT(missed, kRuns * 2 / 100);
}

TEST(Decide, NotFiniteOutputsRollBackWithoutAnyMinimum) {
  ArmCounts candidate = Arm(kCandidate, 1, 1);
  candidate.nan_outputs = 1;
  const Decision decision = Decide(Arm(kStable, 0), candidate, {}, {});
  EXPECT_EQ(decision.verdict, Verdict::kRollBack);
  EXPECT_NE(decision.reason.find("not finite"), std::string::npos);
}

TEST(Decide, ErrorRateRollsBackOnlyAfterTheGuardRequests) {
  EXPECT_EQ(Decide(Arm(kStable, 500), Arm(kCandidate, 19, 19), kYoung, {}).verdict, Verdict::kContinue);
  const Decision decision = Decide(Arm(kStable, 500), Arm(kCandidate, 20, 19), kYoung, {});
  EXPECT_EQ(decision.verdict, Verdict::kRollBack);
  EXPECT_NE(decision.reason.find("19 of 20"), std::string::npos);
}

TEST(Decide, ErrorsWithoutAControlCountInFull) {
  EXPECT_EQ(Decide(Arm(kStable, 0), Arm(kCandidate, 100, 20), kYoung, {}).verdict, Verdict::kRollBack);
}

TEST(Decide, StableArmWithTheSameErrorsExcusesThem) {
  EXPECT_EQ(Decide(Arm(kStable, 1000, 300), Arm(kCandidate, 100, 30), kYoung, {}).verdict, Verdict::kPromote);
}

TEST(Decide, AccuracyDropRollsBackOnceItIsSure) {
  EXPECT_EQ(Decide(Arm(kStable, 500, 0, 200, 190), Arm(kCandidate, 40, 0, 30, 12), kYoung, {}).verdict,
            Verdict::kRollBack);
  // Worse, but not surely: neither rolled back nor promoted.
  const Decision unsure = Decide(Arm(kStable, 500, 0, 200, 190), Arm(kCandidate, 60, 0, 20, 16), kYoung, {});
  EXPECT_EQ(unsure.verdict, Verdict::kContinue);
  EXPECT_NE(unsure.reason.find("not yet surely"), std::string::npos);
}

TEST(Decide, PromotesOnlyAfterTheMinimumOfRequestsAndLabels) {
  CanaryOptions options;
  options.min_requests = 50;
  options.min_feedback = 10;
  EXPECT_EQ(Decide(Arm(kStable, 900, 0, 90, 85), Arm(kCandidate, 49, 0, 12, 12), kYoung, options).verdict,
            Verdict::kContinue);
  EXPECT_EQ(Decide(Arm(kStable, 900, 0, 90, 85), Arm(kCandidate, 50, 0, 9, 9), kYoung, options).verdict,
            Verdict::kContinue);
  EXPECT_EQ(Decide(Arm(kStable, 900, 0, 90, 85), Arm(kCandidate, 50, 0, 10, 10), kYoung, options).verdict,
            Verdict::kPromote);
}

TEST(Decide, DeadlineIsInconclusiveAndNeverPromotes) {
  const CanaryOptions options;
  for (const ArmCounts& candidate : {Arm(kCandidate, 0), Arm(kCandidate, 10), Arm(kCandidate, 5000, 0, 500, 499)}) {
    const Decision decision = Decide(Arm(kStable, 900), candidate, options.deadline, options);
    EXPECT_EQ(decision.verdict, Verdict::kRollBack);
    EXPECT_NE(decision.reason.find("inconclusive"), std::string::npos);
  }
}

TEST(Decide, NoTrafficHolds) {
  EXPECT_EQ(Decide(Arm(kStable, 0), Arm(kCandidate, 0), kYoung, {}).verdict, Verdict::kContinue);
}

// Traffic of a trial, looked at after every request of the candidate as the hub does, until a verdict.
struct Trial {
  double stable_accuracy, candidate_accuracy, stable_errors, candidate_errors;
  CanaryOptions options;
  uint64_t requests = 0;
  Verdict Run(uint64_t seed) {
    Rng rng(seed);
    ArmCounts stable = Arm(kStable, 0), candidate = Arm(kCandidate, 0);
    const auto serve = [&rng](ArmCounts& arm, double accuracy, double errors) {
      ++arm.requests;
      if (rng.Chance(errors)) {
        ++arm.errors;
      } else if (rng.Chance(0.5)) {
        ++arm.feedback;
        arm.feedback_correct += rng.Chance(accuracy) ? 1 : 0;
      }
    };
    for (requests = 1; requests <= 5000; ++requests) {
      for (int i = 0; i < 19; ++i) serve(stable, stable_accuracy, stable_errors);
      serve(candidate, candidate_accuracy, candidate_errors);
      const Verdict verdict = Decide(stable, candidate, kYoung, options).verdict;
      if (verdict != Verdict::kContinue) return verdict;
    }
    return Verdict::kContinue;
  }
};

TEST(Decide, SameVersionAgainstItselfIsRarelyRolledBack) {
  int aborted = 0, promoted = 0;
  constexpr int kRuns = 500;
  for (int run = 0; run < kRuns; ++run) {
    Trial trial{0.9, 0.9, 0.005, 0.005, {}};
    trial.options.min_feedback = 100;
    trial.options.min_requests = 200;
    const Verdict verdict = trial.Run(static_cast<uint64_t>(run));
    aborted += verdict == Verdict::kRollBack ? 1 : 0;
    promoted += verdict == Verdict::kPromote ? 1 : 0;
  }
  EXPECT_LE(aborted, kRuns * 3 / 100);
  EXPECT_GE(promoted, kRuns * 95 / 100);
}

TEST(Decide, BadVersionIsRolledBackWithinTwoHundredRequests) {
  for (uint64_t run = 0; run < 200; ++run) {
    Trial trial{0.95, 0.3, 0, 0, {}};
    trial.options.min_feedback = 100;
    EXPECT_EQ(trial.Run(run), Verdict::kRollBack);
    EXPECT_LE(trial.requests, 200u);
    Trial failing{0.95, 0.95, 0, 0.5, {}};
    failing.options.min_feedback = 100;
    EXPECT_EQ(failing.Run(run), Verdict::kRollBack);
    EXPECT_LE(failing.requests, 60u);
  }
}

TEST(CanaryOptions, NonsenseIsRefused) {
  CanaryOptions options;
  EXPECT_TRUE(options.Validate().ok());
  options.weight_permille = 1001;
  EXPECT_FALSE(options.Validate().ok());
  options = {};
  options.max_accuracy_drop = std::nan("");
  EXPECT_FALSE(options.Validate().ok());
  options = {};
  options.deadline = {};
  EXPECT_FALSE(options.Validate().ok());
}

}  // namespace
}  // namespace perennial::updater
