#include "trainer/gate.h"

#include <gtest/gtest.h>

#include <cmath>

namespace perennial::trainer {
namespace {

using Scores = std::map<std::string, PublishedRecord::SliceScore>;

TEST(Gate, AcceptsTheFirstVersionWhateverItsScores) {
  const GateDecision decision = DecideGate({}, Scores{{"base", {100, 1}}});
  EXPECT_TRUE(decision.accepted);
  EXPECT_NE(decision.reason.find("first version"), std::string::npos);
}

TEST(Gate, RefusesADropOfMoreThanTwoPointsOnALargeSlice) {
  const Scores published{{"base", {2000, 1800}}, {"new", {2000, 1000}}};
  const GateDecision decision = DecideGate(published, Scores{{"base", {2000, 1758}}, {"new", {2000, 1900}}});
  EXPECT_FALSE(decision.accepted);
  EXPECT_NE(decision.reason.find("slice \"base\" went from 90.0 % to 87.9 % on 2000 held-out samples"),
            std::string::npos)
      << decision.reason;
}

TEST(Gate, AcceptsADropOfLessThanTwoPointsWhenAnotherSliceGains) {
  const Scores published{{"base", {2000, 1800}}, {"new", {2000, 1000}}};
  const GateDecision decision = DecideGate(published, Scores{{"base", {2000, 1762}}, {"new", {2000, 1900}}});
  EXPECT_TRUE(decision.accepted);
  EXPECT_NE(decision.reason.find("slice \"new\" went from 50.0 % to 95.0 %"), std::string::npos) << decision.reason;
}

TEST(Gate, WantsMoreEvidenceOnASmallSlice) {
  // 90 % to 86 % on 100 samples may be chance: 4 points, with a confidence margin of 7.6.
  const Scores small{{"base", {100, 90}}, {"other", {100, 50}}};
  EXPECT_TRUE(DecideGate(small, Scores{{"base", {100, 86}}, {"other", {100, 60}}}).accepted);
  // 90 % to 75 % is not.
  const GateDecision refused = DecideGate(small, Scores{{"base", {100, 75}}, {"other", {100, 60}}});
  EXPECT_FALSE(refused.accepted);
  EXPECT_NE(refused.reason.find("95 % confidence"), std::string::npos) << refused.reason;
}

TEST(Gate, RefusesWhenNothingWasGained) {
  const Scores same{{"base", {1000, 900}}};
  const GateDecision decision = DecideGate(same, same);
  EXPECT_FALSE(decision.accepted);
  EXPECT_NE(decision.reason.find("nothing was gained"), std::string::npos);
}

TEST(Gate, CannotSayThatNothingWasGainedOnAFewSamples) {
  const Scores before{{"base", {1000, 900}}, {"new", {12, 9}}};
  const GateDecision decision = DecideGate(before, Scores{{"base", {1000, 900}}, {"new", {20, 15}}});
  EXPECT_TRUE(decision.accepted);
  EXPECT_NE(decision.reason.find("slice \"new\" has only 20 held-out samples"), std::string::npos) << decision.reason;
  EXPECT_FALSE(DecideGate(before, Scores{{"base", {1000, 900}}, {"new", {52, 39}}}).accepted) << "enough by now";
  EXPECT_FALSE(DecideGate(before, before).accepted) << "a small slice that no longer grows";
  // A proven drop stays one.
  EXPECT_FALSE(DecideGate(before, Scores{{"base", {1000, 800}}, {"new", {20, 15}}}).accepted);
}

TEST(Gate, CountsANewSliceAsAGain) {
  const Scores published{{"base", {1000, 900}}};
  EXPECT_TRUE(DecideGate(published, Scores{{"base", {1000, 900}}, {"new", {10, 1}}}).accepted);
}

TEST(Gate, ANewSliceOfWhichNothingIsKnownIsNoGain) {
  const Scores published{{"base", {1000, 900}}};
  EXPECT_FALSE(DecideGate(published, Scores{{"base", {1000, 900}}, {"new", {10, 0}}}).accepted);
  EXPECT_TRUE(DecideGate(published, Scores{{"base", {1000, 901}}, {"new", {10, 0}}}).accepted) << "the old one rose";
}

TEST(Gate, RefusesWhenTheMeanOverSlicesFell) {
  const Scores published{{"base", {2000, 1800}}, {"new", {2000, 1000}}};
  const GateDecision decision = DecideGate(published, Scores{{"base", {2000, 1770}}, {"new", {2000, 1020}}});
  EXPECT_FALSE(decision.accepted);
  EXPECT_NE(decision.reason.find("the mean over slices did not rise"), std::string::npos) << decision.reason;
}

TEST(Gate, OnTheSameSamplesChanceIsSmaller) {
  // 10 of 100 lost and none won: 8.2 points may be chance between two draws of 100, but not on the same samples.
  const Scores published{{"base", {100, 90}}, {"other", {100, 50}}}, now{{"base", {100, 80}}, {"other", {100, 70}}};
  EXPECT_TRUE(DecideGate(published, now).accepted);
  EXPECT_FALSE(DecideGate(published, now, {{"base", {10, 0, false}}, {"other", {0, 20, false}}}).accepted);
  // McNemar by hand: 4 lost, 1 won of 100: 0.03 - z sqrt(5 - 9 / 100) / 100.
  const SliceFlips flips{4, 1, false};
  EXPECT_NEAR(ProvenDrop({100, 90}, {100, 87}, &flips, {}), 0.03 - 1.6449 * std::sqrt(4.91) / 100, 1e-12);
}

TEST(Gate, FromAThousandSamplesOnFlipsAllowForNothing) {
  const SliceFlips flips{400, 379, false};
  EXPECT_NEAR(ProvenDrop({1000, 900}, {1000, 879}, &flips, {}), 0.021, 1e-12);
  EXPECT_FALSE(BrokenSlice({{"a", {1000, 900}}}, {{"a", {1000, 879}}}, {{"a", flips}}, {}).empty());
  EXPECT_TRUE(BrokenSlice({{"a", {1000, 900}}}, {{"a", {1000, 881}}}, {{"a", flips}}, {}).empty());
}

TEST(Gate, WarnsOfADeclineOverSeveralVersions) {
  const Scores peak{{"base", {2000, 1900}}, {"new", {2000, 1000}}};
  EXPECT_EQ(DeclineWarning(peak, Scores{{"base", {2000, 1810}}, {"new", {2000, 1900}}}, {}), "");
  const std::string warning = DeclineWarning(peak, Scores{{"base", {2000, 1790}}, {"new", {2000, 1900}}}, {});
  EXPECT_NE(warning.find("slice \"base\" is at 89.5 %"), std::string::npos) << warning;
  EXPECT_EQ(warning.find("new"), std::string::npos);
}

// Hardly a sample of a label that just came is held out: the scores cannot show what is gained.
TEST(Gate, ANewLabelIsAGainThatBreaksNothing) {
  const Scores published{{"base", {1000, 900}}};
  const auto decide = [&](uint64_t correct, const std::vector<std::string>& labels) {
    return DecideGate(published, Scores{{"base", {1000, correct}}}, {}, {}, labels);
  };
  EXPECT_FALSE(decide(890, {}).accepted);
  const GateDecision taken = decide(890, {"crack"});
  EXPECT_TRUE(taken.accepted) << taken.reason;
  EXPECT_NE(taken.reason.find("\"crack\""), std::string::npos) << taken.reason;
  EXPECT_FALSE(decide(879, {"crack"}).accepted) << "the rule holds for it too";
}

TEST(Gate, OptionsAreChecked) {
  GateOptions options;
  EXPECT_TRUE(options.Validate().ok());
  options.largest_drop = -0.1;
  EXPECT_FALSE(options.Validate().ok());
}

TEST(Gate, IgnoresASliceWithoutHeldOutSamples) {
  const Scores published{{"base", {1000, 900}}, {"bare", {0, 0}}};
  EXPECT_TRUE(DecideGate(published, Scores{{"base", {1000, 901}}, {"bare", {0, 0}}}).accepted);
  EXPECT_FALSE(DecideGate(published, Scores{{"base", {1000, 900}}, {"bare", {0, 0}}}).accepted) << "no gain either";
}

}  // namespace
}  // namespace perennial::trainer
