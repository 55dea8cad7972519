#include <gtest/gtest.h>

#include <cmath>

#include "model_fixture.h"

namespace perennial::model {
namespace {

torch::Tensor Loss(Model& model, const ModelInput& input) {
  const auto labels = torch::arange(input.has_text.size(0), torch::kLong).remainder(3);
  return torch::cross_entropy_loss(model.Forward(input).logits, labels);
}

// The zero-initialised branches pass no gradient on at the start; a trained network's do.
std::shared_ptr<Model> Perturbed() {
  auto model = TestModel(3, 5);
  const torch::NoGradGuard no_grad;
  auto generator = at::detail::createCPUGenerator(9);
  for (auto& parameter : model->parameters()) parameter.add_(torch::randn(parameter.sizes(), generator) * 0.1);
  return model;
}

ModelInput MixedInput() {
  auto input = TestInput(4, 6);
  input.has_image[1].fill_(false);
  input.has_text[2].fill_(false);
  return input;
}

TEST(Gradient, MatchesFiniteDifferencesInDoublePrecision) {
  auto model = Perturbed();
  model->to(torch::kDouble);
  auto input = MixedInput();
  input.images = input.images.to(torch::kDouble);
  Loss(*model, input).backward();
  const auto parameters = model->named_parameters();
  for (const char* name : {"vision.stage0_down.weight", "vision.stage1_block0.second.weight", "text.bytes",
                           "text.layer0.attention.key_value.weight", "modulation.film.weight", "null_visual",
                           "null_context", "fusion1.attention.query.weight", "head.bias"}) {
    auto parameter = parameters[name];
    const torch::NoGradGuard no_grad;
    const int64_t index = parameter.grad().abs().argmax().item<int64_t>();
    auto element = parameter.view({-1})[index];
    const double step = 1e-6;
    element.add_(step);
    const double above = Loss(*model, input).item<double>();
    element.sub_(2 * step);
    const double below = Loss(*model, input).item<double>();
    element.add_(step);
    const double exact = parameter.grad().view({-1})[index].item<double>();
    EXPECT_NEAR((above - below) / (2 * step), exact, 1e-6 + 1e-4 * std::fabs(exact)) << name;
    EXPECT_GT(std::fabs(exact), 1e-7) << name;
  }
}

TEST(Gradient, SinglePrecisionPathAgreesWithDoublePrecision) {
  auto fast = Perturbed();
  auto exact = Perturbed();
  exact->to(torch::kDouble);
  const auto input = MixedInput();
  auto double_input = input;
  double_input.images = input.images.to(torch::kDouble);
  const auto loss = Loss(*fast, input);
  const auto double_loss = Loss(*exact, double_input);
  EXPECT_NEAR(loss.item<double>(), double_loss.item<double>(), 1e-5);
  loss.backward();
  double_loss.backward();
  for (const auto& item : fast->named_parameters()) {
    const auto reference = exact->named_parameters()[item.key()].grad();
    const double size = reference.abs().max().item<double>();
    EXPECT_LT(Distance(item.value().grad(), reference), 1e-5 + 1e-3 * size) << item.key();
  }
}

TEST(Gradient, EveryParameterHasOneEvenWhenAModalityIsAbsentFromTheBatch) {
  auto model = Perturbed();
  auto input = TestInput(3, 6);
  input.has_text.fill_(false);
  Loss(*model, input).backward();
  for (const auto& item : model->named_parameters()) EXPECT_TRUE(item.value().grad().defined()) << item.key();
}

TEST(Gradient, AFewStepsLearnALabelThatNeedsBothModalities) {
  auto model = TestModel(2, 3);
  auto input = TestInput(16, 8);
  auto labels = torch::empty({16}, torch::kLong);
  for (int64_t i = 0; i < 16; ++i) {
    const bool bright = i % 2 == 0;
    const bool asks_dark = (i / 2) % 2 == 0;
    input.images[i].fill_(bright ? 0.8 : -0.8);
    input.tokens[i].zero_();
    input.tokens[i][0] = asks_dark ? 10 : 20;
    labels[i] = bright != asks_dark ? 1 : 0;
  }
  torch::optim::AdamW optimiser(model->parameters(), torch::optim::AdamWOptions(3e-3));
  double loss = 0;
  for (int step = 0; step < 120; ++step) {
    optimiser.zero_grad();
    const auto now = torch::cross_entropy_loss(model->Forward(input).logits, labels);
    now.backward();
    optimiser.step();
    loss = now.item<double>();
  }
  EXPECT_LT(loss, 0.1);
}

}  // namespace
}  // namespace perennial::model
