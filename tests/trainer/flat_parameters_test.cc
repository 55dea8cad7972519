#include "trainer/flat_parameters.h"

#include <gtest/gtest.h>

#include "storage/base/rng.h"
#include "tests/trainer/linear_model.h"
#include "trainer/adamw.h"

namespace perennial::trainer {
namespace {

using testing_support::LinearModel;

TEST(FlatLayout, IsSortedByNameAndAligned) {
  const FlatLayout layout = FlatLayout::Of(LinearModel(5, 3, 1));
  ASSERT_EQ(layout.segments.size(), 3u);
  EXPECT_EQ(layout.segments[0].name, "a_scale");
  EXPECT_EQ(layout.segments[1].name, "head_bias");
  EXPECT_EQ(layout.segments[2].name, "head_weight");
  for (const auto& segment : layout.segments) EXPECT_EQ(segment.offset % 16, 0) << segment.name;
  EXPECT_EQ(layout.Find("head"), nullptr);
}

TEST(FlatLayout, RoundTripsAndRefusesEveryTruncation) {
  const FlatLayout layout = FlatLayout::Of(LinearModel(5, 3, 1));
  const std::string bytes = layout.Encode();
  const auto decoded = FlatLayout::Decode(bytes);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, layout);
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(FlatLayout::Decode(std::string_view(bytes).substr(0, length)).ok()) << length;
  }
}

TEST(FlatLayout, RandomBytesNeverGiveASegmentOutsideTheBuffer) {
  Rng rng(7);
  const std::string good = FlatLayout::Of(LinearModel(5, 3, 1)).Encode();
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = good;
    bytes[rng.Below(bytes.size())] = static_cast<char>(rng.Next());
    const auto decoded = FlatLayout::Decode(bytes);
    if (!decoded.ok()) continue;
    for (const auto& segment : decoded->segments) {
      EXPECT_GE(segment.offset, 0);
      EXPECT_LE(segment.offset + segment.size, decoded->total);
    }
  }
}

TEST(FlatParameters, ParametersAndGradientsAreViewsOfTheBuffers) {
  LinearModel model(4, 2, 1);
  const torch::Tensor weight_before = model.named_parameters()["head_weight"].detach().clone();
  FlatParameters flat(model, true);
  EXPECT_TRUE(torch::equal(model.named_parameters()["head_weight"], weight_before));
  model::ModelInput input;
  input.tokens = torch::ones({3, 4}, torch::kInt64);
  model.Forward(input).logits.sum().backward();
  const auto* bias = flat.layout().Find("head_bias");
  EXPECT_EQ(flat.gradients()[bias->offset].item<float>(), 3.0f);
  flat.ZeroGradients();
  EXPECT_EQ(model.named_parameters()["head_bias"].grad().abs().sum().item<float>(), 0.0f);
  model.Forward(input).logits.sum().backward();
  EXPECT_EQ(flat.gradients()[bias->offset].item<float>(), 3.0f);
  flat.values().zero_();
  EXPECT_EQ(model.named_parameters()["head_weight"].abs().sum().item<float>(), 0.0f);
}

TEST(FlatParameters, GrowthKeepsWeightsAndMoments) {
  LinearModel model(4, 2, 1);
  FlatParameters flat(model, true);
  AdamW adamw(flat, {});
  flat.gradients().fill_(1.0);
  adamw.Step(flat, 1e-2);
  const torch::Tensor weight = model.named_parameters()["head_weight"].detach().clone();
  const auto old = *flat.layout().Find("head_weight");
  const torch::Tensor moment = adamw.moment1().narrow(0, old.offset, old.size).clone();

  model.GrowLabels(5, 9);
  adamw.Grow(flat.Rebind(), flat);

  EXPECT_TRUE(torch::equal(model.named_parameters()["head_weight"].narrow(0, 0, 2), weight));
  const auto* grown = flat.layout().Find("head_weight");
  EXPECT_EQ(grown->size, 20);
  EXPECT_TRUE(torch::equal(adamw.moment1().narrow(0, grown->offset, old.size), moment));
  EXPECT_EQ(adamw.moment1().narrow(0, grown->offset + old.size, 12).abs().sum().item<float>(), 0.0f);
  model::ModelInput input;
  input.tokens = torch::ones({3, 4}, torch::kInt64);
  model.Forward(input).logits.sum().backward();
  EXPECT_EQ(flat.gradients()[flat.layout().Find("head_bias")->offset + 4].item<float>(), 3.0f);
}

TEST(FlatParameters, AFrozenModelTakesNoGradient) {
  LinearModel model(4, 2, 1);
  const FlatParameters flat(model, false);
  for (const auto& parameter : model.parameters()) EXPECT_FALSE(parameter.requires_grad());
}

}  // namespace
}  // namespace perennial::trainer
