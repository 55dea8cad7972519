#include "trainer/offset_fit.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "storage/base/rng.h"

namespace perennial::trainer {
namespace {

using Score = PublishedRecord::SliceScore;

struct Outcome {
  bool holds = true;
  double mean = 0;
};

// What an offset makes of the samples, counted afresh.
Outcome At(double offset, const std::vector<OffsetSample>& samples, const std::vector<Score>& before,
           const GateOptions& options) {
  std::vector<Score> now(before.size());
  std::vector<SliceFlips> flips(before.size());
  for (const OffsetSample& sample : samples) {
    const bool right = sample.margin + offset > 0 ? sample.new_right : sample.old_right;
    ++now[sample.slice].samples;
    now[sample.slice].correct += right ? 1 : 0;
    flips[sample.slice].lost += sample.right_before && !right ? 1 : 0;
    flips[sample.slice].won += !sample.right_before && right ? 1 : 0;
  }
  Outcome outcome;
  double slices = 0;
  for (size_t i = 0; i < now.size(); ++i) {
    if (now[i].samples == 0) continue;
    ++slices;
    outcome.mean += now[i].Accuracy();
    if (before[i].samples > 0 && ProvenDrop(before[i], now[i], &flips[i], options) > options.largest_drop) {
      outcome.holds = false;
    }
  }
  outcome.mean /= slices;
  return outcome;
}

// Two old slices that the new labels cost something, and a new one that is right with them.
void MakeSamples(Rng& rng, std::vector<OffsetSample>& samples, std::vector<Score>& before) {
  before.assign(3, {});
  for (size_t i = 0; i < 150; ++i) {
    OffsetSample sample;
    sample.slice = rng.Below(3);
    sample.margin = static_cast<float>(rng.Uniform() * 8 - 4);
    if (sample.slice == 2) {
      sample.new_right = rng.Uniform() < 0.8;
    } else {
      sample.old_right = rng.Uniform() < 0.9;
      sample.right_before = rng.Uniform() < 0.9;
      ++before[sample.slice].samples;
      before[sample.slice].correct += sample.right_before ? 1 : 0;
    }
    samples.push_back(sample);
  }
}

TEST(FitOffset, FindsWhatTryingEveryOffsetFinds) {
  const GateOptions options;
  size_t found = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    Rng rng(seed);
    std::vector<OffsetSample> samples;
    std::vector<Score> before;
    MakeSamples(rng, samples, before);
    const OffsetFit fit = FitOffset(samples, before, options);
    double best = -1;
    for (const OffsetSample& sample : samples) {
      for (const double nudge : {-1e-4, 1e-4}) {
        const Outcome outcome = At(-sample.margin + nudge, samples, before, options);
        if (outcome.holds) best = std::max(best, outcome.mean);
      }
    }
    ASSERT_EQ(fit.found, best >= 0) << seed;
    if (!fit.found) continue;
    ++found;
    EXPECT_NEAR(fit.mean, best, 1e-9) << seed;
    const Outcome outcome = At(fit.offset, samples, before, options);
    EXPECT_TRUE(outcome.holds) << seed;
    EXPECT_NEAR(outcome.mean, fit.mean, 1e-9) << seed;
  }
  EXPECT_GT(found, 10u);
}

TEST(FitOffset, IsZeroWhenNothingIsBetter) {
  std::vector<OffsetSample> samples;
  for (int i = 0; i < 10; ++i) samples.push_back({0, -2, true, false, true});
  for (int i = 0; i < 10; ++i) samples.push_back({1, 2, false, true, false});
  const OffsetFit fit = FitOffset(samples, {{10, 10}, {0, 0}}, {});
  EXPECT_TRUE(fit.found);
  EXPECT_EQ(fit.offset, 0);
  EXPECT_EQ(fit.mean, 1);
}

TEST(FitOffset, LowersNewLabelsThatTakeTooMuch) {
  // The old slice's samples are taken by the new labels, with a smaller margin than those of the new slice.
  std::vector<OffsetSample> samples;
  for (int i = 0; i < 50; ++i) samples.push_back({0, 1, true, false, true});
  for (int i = 0; i < 50; ++i) samples.push_back({1, 3, false, true, false});
  const OffsetFit fit = FitOffset(samples, {{50, 50}, {0, 0}}, {});
  EXPECT_TRUE(fit.found);
  EXPECT_LT(fit.offset, -1);
  EXPECT_GT(fit.offset, -3);
  EXPECT_EQ(fit.mean, 1);
}

TEST(FitOffset, WithoutNewLabelsOnlyZeroIsLeft) {
  const float none = -std::numeric_limits<float>::infinity();
  const std::vector<OffsetSample> good(20, {0, none, true, false, true});
  EXPECT_EQ(FitOffset(good, {{20, 20}}, {}).offset, 0);
  EXPECT_TRUE(FitOffset(good, {{20, 20}}, {}).found);
  const std::vector<OffsetSample> bad(200, {0, none, false, false, true});
  EXPECT_FALSE(FitOffset(bad, {{200, 200}}, {}).found);
}

// The mean knows of a label without held-out samples only what it takes from others, and would shut it out.
TEST(OffsetFit, TheLeastChangeKeepsALabelThatNothingSpeaksFor) {
  std::vector<OffsetSample> samples;
  for (size_t i = 0; i < 1000; ++i) {
    OffsetSample sample;
    sample.old_right = sample.right_before = true;
    sample.margin = static_cast<float>(i) / 100 - 9.5f;  // 50 of them go over to the new label
    samples.push_back(sample);
  }
  const std::vector<Score> before{{1000, 1000}};
  const OffsetFit best = FitOffset(samples, before, {});
  ASSERT_TRUE(best.found);
  EXPECT_DOUBLE_EQ(best.mean, 1) << "the new label answers nothing";
  const OffsetFit least = FitOffset(samples, before, {}, true);
  ASSERT_TRUE(least.found);
  EXPECT_TRUE(At(least.offset, samples, before, {}).holds);
  EXPECT_NEAR(least.mean, 0.98, 0.0011) << "as much of it as the rule allows, but for one sample";
  EXPECT_GT(least.offset, best.offset);
}

}  // namespace
}  // namespace perennial::trainer
