#include "trainer/instant_blend.h"

#include <gtest/gtest.h>

#include "storage/base/rng.h"

namespace perennial::trainer {
namespace {

// Each head is right with its own chance, and sure of what it says. Labels first .. first + count - 1 occur.
void AddSlice(HeldOutAnswers& answers, int64_t slice, int64_t samples, int64_t first, int64_t count,
              double network_right, double instant_right, Rng& rng) {
  const auto pick = [&](int64_t truth, double right) {
    if (rng.Chance(right)) return truth;
    return first + (truth - first + 1 + static_cast<int64_t>(rng.Below(static_cast<uint64_t>(count - 1)))) % count;
  };
  for (int64_t i = 0; i < samples; ++i) {
    const int64_t truth = first + static_cast<int64_t>(rng.Below(static_cast<uint64_t>(count)));
    const int64_t network = pick(truth, network_right), instant = pick(truth, instant_right);
    answers.truth.push_back(truth);
    answers.slice.push_back(slice);
    for (int64_t c = 0; c < answers.labels; ++c) {
      answers.network.push_back(c == network ? 0.8f : 0.2f / static_cast<float>(answers.labels - 1));
      answers.instant.push_back(c == instant ? 0.7f : 0.05f);
    }
  }
}

HeldOutAnswers Answers(int64_t labels) {
  HeldOutAnswers answers;
  answers.labels = labels;
  return answers;
}

TEST(InstantBlend, EachSliceGetsTheBetterHead) {
  HeldOutAnswers answers = Answers(8);
  Rng rng(1);
  AddSlice(answers, 0, 300, 0, 4, 0.95, 0.6, rng);
  AddSlice(answers, 1, 300, 4, 4, 0.5, 0.9, rng);
  const BlendFit fit = FitBlend(answers);
  ASSERT_EQ(fit.slices.size(), 2u);
  EXPECT_EQ(fit.slices[0].weight, 0);
  EXPECT_GT(fit.slices[1].weight, 0);
  for (size_t c = 0; c < 4; ++c) EXPECT_EQ(fit.use.blend[c], 0);
  for (size_t c = 4; c < 8; ++c) EXPECT_EQ(fit.use.blend[c], fit.slices[1].weight);
  EXPECT_EQ(fit.slices[0].samples, 300u);
  EXPECT_GE(fit.slices[0].blended_correct, fit.slices[0].network_correct);
  EXPECT_GT(fit.slices[1].blended_correct, fit.slices[1].network_correct + 60);
}

TEST(InstantBlend, NoSliceIsWorseThanWithoutTheInstantHead) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    HeldOutAnswers answers = Answers(6);
    Rng rng(seed);
    // Slices that share labels and disagree about the heads.
    for (int64_t slice = 0; slice < 4; ++slice) {
      AddSlice(answers, slice, 40, static_cast<int64_t>(rng.Below(3)), 4, rng.Uniform(0.3, 1), rng.Uniform(0.3, 1),
               rng);
    }
    for (const SliceBlend& slice : FitBlend(answers).slices) {
      EXPECT_GE(slice.blended_correct, slice.network_correct) << "seed " << seed;
    }
  }
}

TEST(InstantBlend, EquallyGoodIsNoReason) {
  HeldOutAnswers answers = Answers(4);
  Rng rng(3);
  AddSlice(answers, 0, 500, 0, 4, 1.0, 1.0, rng);
  EXPECT_EQ(FitBlend(answers).use.blend, std::vector<float>(4));
}

TEST(InstantBlend, AGainOfOneSampleIsNoReason) {
  HeldOutAnswers answers = Answers(3);
  Rng rng(4);
  AddSlice(answers, 0, 5, 0, 3, 1.0, 1.0, rng);
  AddSlice(answers, 0, 1, 0, 3, 0.0, 1.0, rng);
  EXPECT_EQ(FitBlend(answers).use.blend, std::vector<float>(3));
}

TEST(InstantBlend, ALabelTheNetworkCannotKnowIsTheInstantHeads) {
  HeldOutAnswers answers = Answers(3);
  Rng rng(5);
  AddSlice(answers, 0, 100, 0, 2, 1.0, 0.9, rng);
  answers.untrained = {false, false, true};
  const BlendFit fit = FitBlend(answers);
  EXPECT_EQ(fit.use.blend, (std::vector<float>{0, 0, 1}));
}

TEST(InstantBlend, NothingHeldOutNothingBlended) {
  const BlendFit fit = FitBlend(Answers(3));
  EXPECT_EQ(fit.use.blend, std::vector<float>(3));
  EXPECT_EQ(fit.use.temperature, 1);
  EXPECT_TRUE(fit.slices.empty());
}

TEST(InstantBlend, TemperatureIsLowWhereScoresAreRightAndHighWhereNot) {
  HeldOutAnswers right = Answers(4), wrong = Answers(4);
  Rng rng(6);
  AddSlice(right, 0, 300, 0, 4, 0.5, 0.99, rng);
  AddSlice(wrong, 0, 300, 0, 4, 0.5, 0.4, rng);
  EXPECT_LT(FitTemperature(right), 0.25f);
  EXPECT_GT(FitTemperature(wrong), 2 * FitTemperature(right));
}

}  // namespace
}  // namespace perennial::trainer
