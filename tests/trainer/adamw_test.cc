#include "trainer/adamw.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "storage/base/rng.h"
#include "tests/trainer/linear_model.h"
#include "trainer/adamw_kernel.h"
#include "trainer/schedule.h"

namespace perennial::trainer {
namespace {

using testing_support::LinearModel;

void FillGradients(FlatParameters& parameters, uint64_t seed) {
  Rng rng(seed);
  for (const auto& segment : parameters.layout().segments) {
    float* at = parameters.gradients().data_ptr<float>() + segment.offset;
    for (int64_t i = 0; i < segment.size; ++i) at[i] = static_cast<float>(rng.Normal());
  }
}

TEST(AdamW, AgreesWithTorchOverManySteps) {
  LinearModel ours(5, 3, 1);
  LinearModel theirs(5, 3, 1);
  FlatParameters flat(ours, true);
  AdamWOptions options;
  options.weight_decay = 0.1;
  options.max_gradient_norm = 0;
  AdamW adamw(flat, options);
  torch::optim::AdamW reference(theirs.parameters(), torch::optim::AdamWOptions(1e-2).weight_decay(0.1));
  for (uint64_t step = 0; step < 50; ++step) {
    FillGradients(flat, step);
    for (const auto& item : theirs.named_parameters()) {
      item.value().mutable_grad() = ours.named_parameters()[item.key()].grad().clone();
    }
    adamw.Step(flat, 1e-2);
    reference.step();
  }
  for (const auto& item : theirs.named_parameters()) {
    EXPECT_TRUE(torch::allclose(item.value(), ours.named_parameters()[item.key()], 1e-4, 1e-5)) << item.key();
  }
}

TEST(AdamW, ClipsTheGradientToTheGivenNorm) {
  LinearModel clipped_model(4, 2, 1), scaled_model(4, 2, 1);
  FlatParameters clipped(clipped_model, true), scaled(scaled_model, true);
  AdamWOptions options;
  options.max_gradient_norm = 0.5;
  AdamW clipping(clipped, options);
  options.max_gradient_norm = 0;
  AdamW plain(scaled, options);
  FillGradients(clipped, 3);
  const double norm = clipping.Step(clipped, 1e-3);
  FillGradients(scaled, 3);
  EXPECT_NEAR(norm, scaled.gradients().norm().item<double>(), 1e-4);
  ASSERT_GT(norm, 0.5);
  scaled.gradients().mul_(0.5 / norm);
  plain.Step(scaled, 1e-3);
  EXPECT_TRUE(torch::allclose(clipping.moment1(), plain.moment1(), 1e-5, 1e-7));
}

TEST(AdamW, LeavesEverythingAloneWhenTheGradientIsNotFinite) {
  LinearModel model(4, 2, 1);
  FlatParameters flat(model, true);
  AdamW adamw(flat, {});
  const torch::Tensor before = flat.values().clone();
  flat.gradients()[0] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(std::isfinite(adamw.Step(flat, 1e-2)));
  EXPECT_TRUE(torch::equal(before, flat.values()));
  EXPECT_EQ(adamw.steps(), 0u);
}

TEST(AdamWKernel, SumOfSquaresIsExactOnIntegersOfAnyLength) {
  std::vector<float> values;
  double expected = 0;
  for (int i = 0; i < 9000; ++i) {
    EXPECT_EQ(SumOfSquares(values.data(), values.size()), expected);
    values.push_back(static_cast<float>(i % 3));
    expected += (i % 3) * (i % 3);
    if (i > 40) i += 300;
  }
}

TEST(Schedule, WarmsUpLinearlyAndStaysAtThePeak) {
  EXPECT_DOUBLE_EQ(LearningRateAt(0, 1.0, 4), 0.25);
  EXPECT_DOUBLE_EQ(LearningRateAt(3, 1.0, 4), 1.0);
  EXPECT_DOUBLE_EQ(LearningRateAt(1000, 1.0, 4), 1.0);
  EXPECT_DOUBLE_EQ(LearningRateAt(0, 1.0, 0), 1.0);
}

TEST(Schedule, AveragesShortlyAtFirst) {
  EXPECT_DOUBLE_EQ(EmaDecayAt(0, 0.99), 0.1);
  EXPECT_DOUBLE_EQ(EmaDecayAt(100000, 0.99), 0.99);
}

}  // namespace
}  // namespace perennial::trainer
