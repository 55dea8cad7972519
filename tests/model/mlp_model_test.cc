#include <gtest/gtest.h>

#include "model_fixture.h"
#include "serving/model/quantise.h"

namespace perennial::model {
namespace {

format::ModelSpec MlpSpec() {
  format::ModelSpec spec = *format::ModelSpec::Preset("mlp");
  spec.image_size = 8;
  spec.width = 10;
  return spec;
}

TEST(MlpModel, HasTheParametersOfItsSpec) {
  const auto model = TestModel(4, 1, MlpSpec());
  std::vector<std::string> names;
  for (const auto& item : model->named_parameters()) names.push_back(item.key());
  EXPECT_EQ(names, (std::vector<std::string>{"hidden0.weight", "hidden0.bias", "hidden1.weight", "hidden1.bias",
                                             "head.weight", "head.bias"}));
  EXPECT_EQ(model->named_parameters()["hidden0.weight"].sizes(), (torch::IntArrayRef{10, 64}));
}

TEST(MlpModel, SeesTheGreyPictureAndNothingElse) {
  const auto model = TestModel(4, 1, MlpSpec());
  model->eval();
  ModelInput input = TestInput(3, 2, MlpSpec());
  const auto logits = model->Forward(input).logits;
  EXPECT_EQ(logits.sizes(), (torch::IntArrayRef{3, 4}));
  input.images = input.images.roll(1, 1);  // the channels, turned
  input.tokens = input.tokens * 0;
  EXPECT_LT(Distance(model->Forward(input).logits, logits), 1e-5);
  input.images.fill_(std::numeric_limits<float>::quiet_NaN());
  input.has_image.fill_(false);
  EXPECT_TRUE(model->Forward(input).logits.isfinite().all().item<bool>()) << "hidden pixels have no influence";
}

TEST(MlpModel, GoesThroughQuantisationAndBack) {
  const auto model = TestModel(4, 1, MlpSpec());
  const auto outcome = Quantise(*model, TestLabels(4), nullptr, 1);
  ASSERT_TRUE(outcome.ok());
  const auto back = Instantiate(outcome->image, torch::kCPU);
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  const ModelInput input = TestInput(5, 3, MlpSpec());
  EXPECT_LT(Distance((*back)->Forward(input).logits, model->Forward(input).logits), 0.05);
}

TEST(MlpModel, SpecKeepsHiddenLayersAndOtherFamiliesDoNotHaveThem) {
  format::ModelSpec spec = MlpSpec();
  spec.hidden_layers = 3;
  const auto back = format::ModelSpec::FromJson(spec.ToJson());
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  EXPECT_EQ(*back, spec);
  EXPECT_EQ(format::ModelSpec::Preset("tiny")->ToJson().find("hidden_layers"), std::string::npos);
}

}  // namespace
}  // namespace perennial::model
