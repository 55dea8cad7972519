#include <gtest/gtest.h>

#include <functional>

#include "model_fixture.h"
#include "serving/model/quantise.h"

namespace perennial::model {
namespace {

format::VersionImage ImageOf(int64_t labels, uint64_t seed) {
  return std::move(Quantise(*TestModel(labels, seed), TestLabels(labels), nullptr, 1)).value().image;
}

TEST(Instantiate, AnswersLikeTheModelItWasMadeFrom) {
  for (const auto device : TestDevices()) {
    const auto source = TestModel(4, 3);
    const auto made = Instantiate(ImageOf(4, 3), device);
    ASSERT_TRUE(made.ok()) << made.status().ToString();
    const auto& model = *made.value();
    EXPECT_FALSE(model.is_training());
    for (const auto& parameter : model.parameters()) EXPECT_FALSE(parameter.requires_grad());
    const auto logits = made.value()->Forward(To(TestInput(5, 1), device)).logits;
    EXPECT_LT(Distance(logits, source->Forward(TestInput(5, 1)).logits), 0.2);
  }
}

TEST(Instantiate, QuantisingAgainWithTheSameScalesGivesTheSameVersion) {
  const auto image = ImageOf(4, 3);
  const auto model = Instantiate(image, torch::kCPU);
  ASSERT_TRUE(model.ok());
  const auto again = Quantise(*model.value(), image.labels, &image, 9);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again.value().image.Root(), image.Root());
}

TEST(LoadInto, EqualsInstantiateWhateverTheHeadWasBefore) {
  for (const int64_t labels_before : {0, 2, 4, 7}) {
    const auto image = ImageOf(4, 3);
    auto model = TestModel(labels_before, 99);
    const void* storage = model->named_parameters()["text.bytes"].data_ptr();
    ASSERT_TRUE(LoadInto(image, *model).ok());
    EXPECT_EQ(model->label_count(), 4);
    EXPECT_EQ(model->named_parameters()["text.bytes"].data_ptr(), storage) << "weights are written in place";
    const auto fresh = Instantiate(image, torch::kCPU);
    ASSERT_TRUE(fresh.ok());
    for (const auto& item : model->named_parameters()) {
      EXPECT_TRUE(torch::equal(item.value(), fresh.value()->named_parameters()[item.key()])) << item.key();
    }
  }
}

TEST(LoadInto, AVersionThatDoesNotFitIsCorruptionAndLeavesTheModelAsItWas) {
  const std::vector<std::function<void(format::VersionImage&)>> damages{
      [](auto& image) { image.tensors[3].name = "vision.other"; },
      [](auto& image) { std::swap(image.tensors[0], image.tensors[1]); },
      [](auto& image) { image.tensors.pop_back(); },
      [](auto& image) { image.tensors.push_back(image.tensors.back()); },
      [](auto& image) { image.tensors.back().shape.push_back(1); },
      [](auto& image) { image.tensors[0].codes.pop_back(); },
      [](auto& image) { image.tensors[0].scales[0] = -1; },
      [](auto& image) { image.labels.push_back("one too many"); },
  };
  auto model = TestModel(4, 5);
  const auto before = model->Forward(TestInput(3, 1)).logits;
  for (size_t i = 0; i < damages.size(); ++i) {
    auto image = ImageOf(4, 3);
    damages[i](image);
    EXPECT_EQ(LoadInto(image, *model).code(), Code::kCorruption) << "damage " << i;
    EXPECT_EQ(Instantiate(image, torch::kCPU).status().code(), Code::kCorruption) << "damage " << i;
    EXPECT_TRUE(torch::equal(before, model->Forward(TestInput(3, 1)).logits)) << "damage " << i;
  }
}

TEST(LoadInto, AnotherNetworksVersionIsAFailedPrecondition) {
  auto spec = TestSpec();
  spec.width = 32;
  auto model = TestModel(4, 5, spec);
  EXPECT_EQ(LoadInto(ImageOf(4, 3), *model).code(), Code::kFailedPrecondition);
}

// Fixed seeds, fixed input: catches an unwanted change of the network, of its initialisation or of quantisation. Loose
// enough for another processor's rounding.
TEST(Instantiate, GoldenLogitsOfAFixedSeed) {
  const auto model = Instantiate(ImageOf(3, 1234), torch::kCPU);
  ASSERT_TRUE(model.ok());
  const auto logits = model.value()->Forward(TestInput(2, 4321)).logits;
  const auto expected = torch::tensor({{0.6550, 0.0576, 1.3530}, {0.7352, -0.1765, 0.9248}});
  EXPECT_LT(Distance(logits, expected), 2e-3) << logits;
}

}  // namespace
}  // namespace perennial::model
