#include <gtest/gtest.h>

#include <limits>

#include "model_fixture.h"

namespace perennial::model {
namespace {

class CompactModelTest : public testing::TestWithParam<torch::DeviceType> {
 protected:
  std::shared_ptr<Model> Ready(int64_t labels, uint64_t seed, format::ModelSpec spec = TestSpec()) {
    auto model = TestModel(labels, seed, spec);
    // The zero-initialised branches would hide half of the network from these tests.
    const torch::NoGradGuard no_grad;
    torch::manual_seed(11);
    for (auto& parameter : model->parameters()) parameter.add_(torch::randn_like(parameter) * 0.1);
    model->to(GetParam());
    model->eval();
    return model;
  }
  ModelInput Input(int64_t batch, uint64_t seed, const format::ModelSpec& spec = TestSpec()) {
    return To(TestInput(batch, seed, spec), GetParam());
  }
};

TEST_P(CompactModelTest, ShapesFollowSpecAndLabels) {
  for (const int64_t side : {8, 16, 28, 33}) {
    for (const int64_t stride : {1, 3}) {
      auto spec = TestSpec();
      spec.image_size = side;
      spec.text_stride = stride;
      const auto out = Ready(5, 1, spec)->Forward(Input(3, 1, spec));
      EXPECT_EQ(out.logits.sizes(), torch::IntArrayRef({3, 5}));
      EXPECT_EQ(out.embedding.sizes(), torch::IntArrayRef({3, spec.width}));
      EXPECT_FALSE(out.next_token_logits.defined());
      EXPECT_TRUE(out.logits.isfinite().all().item<bool>());
    }
  }
}

TEST_P(CompactModelTest, EmptyBatchAndEmptyHeadGiveEmptyLogits) {
  EXPECT_EQ(Ready(5, 1)->Forward(Input(0, 1)).logits.sizes(), torch::IntArrayRef({0, 5}));
  EXPECT_EQ(Ready(0, 1)->Forward(Input(4, 1)).logits.sizes(), torch::IntArrayRef({4, 0}));
}

TEST_P(CompactModelTest, AnswersDependOnBothModalities) {
  auto model = Ready(4, 1);
  const auto base = Input(1, 1);
  auto other_text = base;
  other_text.tokens = base.tokens.clone();
  other_text.tokens[0][1] = 200 - other_text.tokens[0][1].item<int64_t>() / 2;
  auto other_image = base;
  other_image.images = base.images.roll(3, 3);
  const auto logits = model->Forward(base).logits;
  EXPECT_GT(Distance(logits, model->Forward(other_text).logits), 1e-3);
  EXPECT_GT(Distance(logits, model->Forward(other_image).logits), 1e-3);
}

TEST_P(CompactModelTest, HiddenPictureAndHiddenTextHaveNoInfluence) {
  for (const bool training : {false, true}) {
    const torch::AutoGradMode gradients(training);
    auto model = Ready(4, 1);
    auto input = Input(4, 1);
    input.has_image = torch::tensor({true, false, false, true}).to(GetParam());
    input.has_text = torch::tensor({true, true, false, false}).to(GetParam());
    auto noise = input;
    noise.images = input.images.clone();
    noise.images.slice(0, 1, 3).fill_(std::numeric_limits<float>::quiet_NaN());
    noise.tokens = input.tokens.clone();
    noise.tokens.slice(0, 2, 4).fill_(77);
    const auto logits = model->Forward(input).logits;
    const auto noisy = model->Forward(noise).logits;
    EXPECT_LT(Distance(logits, noisy), 1e-5);
    EXPECT_GT(Distance(logits[1], logits[2]), 1e-3);
    if (!training) continue;
    noisy.sum().backward();
    for (const auto& item : model->named_parameters()) {
      EXPECT_TRUE(item.value().grad().isfinite().all().item<bool>()) << item.key();
    }
  }
}

TEST_P(CompactModelTest, SkippingEncodersOfAbsentModalitiesChangesNothing) {
  auto model = Ready(4, 1);
  auto input = Input(3, 5);
  for (const bool hide_image : {false, true}) {
    input.has_image.fill_(!hide_image);
    input.has_text.fill_(hide_image);
    const auto recorded = model->Forward(input).logits;
    const torch::NoGradGuard no_grad;
    EXPECT_LT(Distance(recorded, model->Forward(input).logits), 1e-6);
  }
}

TEST_P(CompactModelTest, AnswerDoesNotDependOnNeighbours) {
  for (const int64_t stride : {1, 2}) {
    auto spec = TestSpec();
    spec.text_stride = stride;
    auto model = Ready(6, 2, spec);
    const torch::NoGradGuard no_grad;
    auto input = Input(9, 3, spec);
    input.has_image[4].fill_(false);
    input.has_text[5].fill_(false);
    const auto together = model->Forward(input).logits;
    for (int64_t i = 0; i < 9; ++i) {
      EXPECT_LT(Distance(together[i], model->Forward(Slice(input, i, 1)).logits[0]), 1e-5) << "sample " << i;
    }
    EXPECT_LT(Distance(together.slice(0, 2, 6), model->Forward(Slice(input, 2, 4)).logits), 1e-5);
  }
}

TEST_P(CompactModelTest, SameInputTwiceGivesTheSameBits) {
  auto model = Ready(6, 2);
  const auto input = Input(5, 3);
  EXPECT_TRUE(torch::equal(model->Forward(input).logits, model->Forward(input).logits));
}

INSTANTIATE_TEST_SUITE_P(Devices, CompactModelTest, testing::ValuesIn(TestDevices()),
                         [](const auto& param) { return param.param == torch::kCPU ? "Cpu" : "Cuda"; });

TEST(BuildModel, SameSeedGivesSameWeightsWhateverTorchsGenerator) {
  torch::manual_seed(1);
  const auto first = TestModel(3, 7);
  torch::manual_seed(2);
  const auto before = torch::rand({1});
  torch::manual_seed(2);
  const auto second = TestModel(3, 7);
  EXPECT_TRUE(torch::equal(before, torch::rand({1}))) << "building a model must not draw from the global generator";
  const auto other = TestModel(3, 8);
  bool differs = false;
  for (const auto& item : first->named_parameters()) {
    EXPECT_TRUE(torch::equal(item.value(), second->named_parameters()[item.key()])) << item.key();
    differs = differs || !torch::equal(item.value(), other->named_parameters()[item.key()]);
  }
  EXPECT_TRUE(differs);
}

TEST(BuildModel, RefusesUnknownFamilyBadSpecAndNegativeLabels) {
  auto spec = TestSpec();
  spec.family = "transformer-xxl";
  EXPECT_EQ(BuildModel(spec, 2, 1).status().code(), Code::kInvalidArgument);
  spec = TestSpec();
  spec.heads = 3;
  EXPECT_EQ(BuildModel(spec, 2, 1).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(BuildModel(TestSpec(), -1, 1).status().code(), Code::kInvalidArgument);
}

TEST(BuildModel, PresetsHaveTheSizesTheyAreKnownBy) {
  const std::map<std::string, std::pair<int64_t, int64_t>> bounds{
      {"tiny", {150'000, 260'000}}, {"small", {300'000, 500'000}}, {"base", {1'000'000, 4'000'000}}};
  for (const auto& [size, bound] : bounds) {
    int64_t count = 0;
    for (const auto& parameter : TestModel(13, 1, format::ModelSpec::Preset(size).value())->parameters()) {
      count += parameter.numel();
    }
    EXPECT_GE(count, bound.first) << size;
    EXPECT_LE(count, bound.second) << size;
  }
}

}  // namespace
}  // namespace perennial::model
