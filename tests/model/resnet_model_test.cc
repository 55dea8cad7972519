#include "serving/model/resnet_model.h"

#include <gtest/gtest.h>

#include <map>

#include "model_fixture.h"
#include "serving/model/quantise.h"

namespace perennial::model {
namespace {

format::ModelSpec ResnetSpec() {
  format::ModelSpec spec = *format::ModelSpec::Preset("resnet18");
  spec.vision_channels = 4;
  spec.vision_blocks = 1;
  spec.width = 32;
  spec.image_size = 16;
  return spec;
}

// By name, copied.
std::map<std::string, torch::Tensor> Values(const Model& model) {
  std::map<std::string, torch::Tensor> values;
  for (const auto& item : model.named_parameters()) values[item.key()] = item.value().detach().clone();
  return values;
}

TEST(ResnetModel, PresetIsTheResnet18OfSmallPictures) {
  const auto model = TestModel(10, 1, *format::ModelSpec::Preset("resnet18"));
  int64_t learned = 0, statistics = 0;
  for (const auto& item : model->named_parameters()) {
    (IsStatistic(item.key()) ? statistics : learned) += item.value().numel();
    EXPECT_EQ(item.value().requires_grad(), !IsStatistic(item.key())) << item.key();
  }
  EXPECT_EQ(learned, 11'173'962);  // as the network of online CIFAR-10 has everywhere
  EXPECT_EQ(statistics, 2 * 4800);
  EXPECT_TRUE(model->named_buffers().is_empty()) << "what is no parameter would not travel with a version";
}

TEST(ResnetModel, HasItsShapesAndReadsNoText) {
  const auto model = TestModel(4, 1, ResnetSpec());
  model->eval();
  ModelInput input = TestInput(3, 2, ResnetSpec());
  const ModelOutput output = model->Forward(input);
  EXPECT_EQ(output.logits.sizes(), (torch::IntArrayRef{3, 4}));
  EXPECT_EQ(output.embedding.sizes(), (torch::IntArrayRef{3, 32}));
  input.tokens = input.tokens * 0;
  EXPECT_TRUE(torch::equal(model->Forward(input).logits, output.logits));
  input.images.fill_(std::numeric_limits<float>::quiet_NaN());
  input.has_image.fill_(false);
  EXPECT_TRUE(model->Forward(input).logits.isfinite().all().item<bool>()) << "hidden pixels have no influence";
}

TEST(ResnetModel, InEvalModeAnAnswerDoesNotDependOnItsNeighbours) {
  const auto model = TestModel(4, 1, ResnetSpec());
  model->train();
  for (uint64_t seed = 0; seed < 5; ++seed) model->Forward(TestInput(8, seed, ResnetSpec()));
  model->eval();
  const ModelInput input = TestInput(6, 9, ResnetSpec());
  const auto before = Values(*model);
  const auto all = model->Forward(input).logits;
  EXPECT_LT(Distance(model->Forward(Slice(input, 2, 1)).logits, all.narrow(0, 2, 1)), 1e-5);
  for (const auto& [name, value] : Values(*model)) EXPECT_TRUE(torch::equal(value, before.at(name))) << name;
}

TEST(BatchNorm, MovesItsStatisticsATenthOfTheWay) {
  BatchNorm norm(2);
  const torch::NoGradGuard no_grad;
  for (auto& item : norm.named_parameters()) item.value().fill_(item.key() == "running_var" ? 1.0 : 0.0);
  const auto x = torch::tensor({1.0F, 10.0F, 3.0F, 30.0F}).view({2, 2});
  norm.Forward(x);
  const auto parameters = norm.named_parameters();
  EXPECT_LT(Distance(parameters["running_mean"], torch::tensor({0.2F, 2.0F})), 1e-6);
  EXPECT_LT(Distance(parameters["running_var"], torch::tensor({0.9F + 0.2F, 0.9F + 20.0F})), 1e-5);
}

TEST(BatchNorm, ABatchWithoutVarianceLeavesItsStatisticsAlone) {
  BatchNorm norm(2);
  const torch::NoGradGuard no_grad;
  for (auto& item : norm.named_parameters()) item.value().fill_(item.key().ends_with("bias") ? 0.0 : 1.0);
  const auto y = norm.Forward(torch::full({1, 2}, 3.0F));
  EXPECT_LT(Distance(y, torch::full({1, 2}, 2.0F)), 1e-4);
  EXPECT_LT(Distance(norm.named_parameters()["running_mean"], torch::ones({2})), 1e-7);
}

TEST(ResnetModel, GrowthKeepsAnswersAndStatistics) {
  const auto model = TestModel(3, 1, ResnetSpec());
  model->train();
  model->Forward(TestInput(8, 1, ResnetSpec()));
  model->eval();
  const ModelInput input = TestInput(4, 2, ResnetSpec());
  const auto before = model->Forward(input).logits;
  model->GrowLabels(7, 5);
  const auto after = model->Forward(input).logits;
  ASSERT_EQ(after.size(1), 7);
  EXPECT_LT(Distance(after.narrow(1, 0, 3), before), 1e-6);
}

TEST(ResnetModel, GoesThroughQuantisationAndBackWithItsStatistics) {
  const auto model = TestModel(4, 1, ResnetSpec());
  model->train();
  for (uint64_t seed = 0; seed < 30; ++seed) model->Forward(TestInput(16, seed, ResnetSpec()));
  model->eval();
  const auto outcome = Quantise(*model, TestLabels(4), nullptr, 1);
  ASSERT_TRUE(outcome.ok());
  const auto back = Instantiate(outcome->image, torch::kCPU);
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  const auto values = (*back)->named_parameters();
  for (const auto& [name, value] : Values(*model)) {
    if (!IsStatistic(name)) continue;
    EXPECT_LT(Distance(values[name], value), 1e-3 * value.abs().max().item<double>()) << name;
  }
  const ModelInput input = TestInput(5, 3, ResnetSpec());
  EXPECT_LT(Distance((*back)->Forward(input).logits, model->Forward(input).logits), 0.05);
}

TEST(ResnetModel, RefusesAWidthThatItsChannelsDoNotMake) {
  format::ModelSpec spec = ResnetSpec();
  spec.width = 33;
  const auto built = BuildModel(spec, 2, 1);
  ASSERT_FALSE(built.ok());
  EXPECT_NE(built.status().ToString().find("8 vision_channels"), std::string::npos);
}

}  // namespace
}  // namespace perennial::model
