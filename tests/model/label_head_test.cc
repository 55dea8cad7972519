#include <gtest/gtest.h>

#include "model_fixture.h"

namespace perennial::model {
namespace {

TEST(LabelHead, GrowthKeepsOldRowsExactlyAndOldLogits) {
  auto model = TestModel(3, 1);
  const auto input = TestInput(6, 2);
  const auto before = model->Forward(input).logits.detach();
  const auto rows = model->named_parameters()["head.weight"].detach().clone();
  model->GrowLabels(8, 1);
  EXPECT_EQ(model->label_count(), 8);
  const auto after = model->Forward(input).logits;
  EXPECT_EQ(after.size(1), 8);
  EXPECT_TRUE(torch::equal(rows, model->named_parameters()["head.weight"].narrow(0, 0, 3)));
  // Some matrix products round by how wide they are.
  EXPECT_TRUE(torch::allclose(before, after.narrow(1, 0, 3), 1e-5, 1e-6));
  EXPECT_GT(after.narrow(1, 3, 5).abs().max().item<double>(), 0.0);
}

TEST(LabelHead, GrowingInStepsGivesTheRowsOfOneStep) {
  auto steps = TestModel(0, 4);
  for (int64_t labels = 1; labels <= 5; ++labels) steps->GrowLabels(labels, 4);
  const auto once = TestModel(5, 4);
  EXPECT_TRUE(torch::equal(steps->named_parameters()["head.weight"], once->named_parameters()["head.weight"]));
  EXPECT_TRUE(torch::equal(steps->named_parameters()["head.bias"], once->named_parameters()["head.bias"]));
}

TEST(LabelHead, ParametersStayTheSameObjectsAndTrainAfterGrowth) {
  auto model = TestModel(2, 1);
  const auto weight = model->named_parameters()["head.weight"];
  model->Forward(TestInput(4, 1)).logits.sum().backward();
  model->GrowLabels(5, 1);
  EXPECT_EQ(weight.size(0), 5);
  EXPECT_FALSE(weight.grad().defined());
  torch::cross_entropy_loss(model->Forward(TestInput(4, 1)).logits, torch::tensor({0, 1, 4, 4})).backward();
  ASSERT_TRUE(weight.grad().defined());
  EXPECT_EQ(weight.grad().size(0), 5);
  EXPECT_GT(weight.grad()[4].abs().max().item<double>(), 0.0);
}

TEST(LabelHead, GrowingToTheSameCountDoesNothing) {
  auto model = TestModel(3, 1);
  const auto before = model->named_parameters()["head.weight"].clone();
  model->GrowLabels(3, 99);
  EXPECT_TRUE(torch::equal(before, model->named_parameters()["head.weight"]));
}

}  // namespace
}  // namespace perennial::model
