#include "trainer/adamw.h"

#include <cmath>

#include "trainer/adamw_kernel.h"

namespace perennial::trainer {

AdamW::AdamW(const FlatParameters& parameters, AdamWOptions options)
    : options_(options),
      moment1_(torch::zeros_like(parameters.values())),
      moment2_(torch::zeros_like(parameters.values())) {}

double AdamW::GradientNorm(FlatParameters& parameters) const {
  torch::Tensor& gradients = parameters.gradients();
  if (!gradients.device().is_cpu()) return gradients.norm().item<double>();
  return std::sqrt(SumOfSquares(gradients.data_ptr<float>(), static_cast<size_t>(gradients.numel())));
}

double AdamW::Step(FlatParameters& parameters, double learning_rate) {
  const torch::NoGradGuard no_grad;
  const double norm = GradientNorm(parameters);
  if (!std::isfinite(norm)) return norm;
  const bool clip = options_.max_gradient_norm > 0 && norm > options_.max_gradient_norm;
  const double scale = clip ? options_.max_gradient_norm / norm : 1.0;
  ++steps_;
  if (parameters.values().device().is_cpu()) {
    StepOnCpu(parameters, learning_rate, scale);
  } else {
    StepOnDevice(parameters, learning_rate, scale);
  }
  return norm;
}

void AdamW::StepOnCpu(FlatParameters& parameters, double learning_rate, double scale) {
  const double t = static_cast<double>(steps_);
  AdamWCoefficients c;
  c.gradient_scale = static_cast<float>(scale);
  c.beta1 = static_cast<float>(options_.beta1);
  c.beta2 = static_cast<float>(options_.beta2);
  c.rate = static_cast<float>(learning_rate / (1 - std::pow(options_.beta1, t)));
  c.inverse_root = static_cast<float>(1 / std::sqrt(1 - std::pow(options_.beta2, t)));
  c.epsilon = static_cast<float>(options_.epsilon);
  c.keep = static_cast<float>(1 - learning_rate * options_.weight_decay);
  // The padding between segments is zero in all four buffers and stays zero.
  AdamWPass(parameters.values().data_ptr<float>(), parameters.gradients().data_ptr<float>(), moment1_.data_ptr<float>(),
            moment2_.data_ptr<float>(), static_cast<size_t>(parameters.layout().total), c);
}

void AdamW::StepOnDevice(FlatParameters& parameters, double learning_rate, double scale) {
  torch::Tensor& weights = parameters.values();
  torch::Tensor gradients = parameters.gradients();
  const double t = static_cast<double>(steps_);
  if (scale != 1.0) gradients.mul_(scale);
  moment1_.mul_(options_.beta1).add_(gradients, 1 - options_.beta1);
  moment2_.mul_(options_.beta2).addcmul_(gradients, gradients, 1 - options_.beta2);
  weights.mul_(1 - learning_rate * options_.weight_decay);
  const torch::Tensor denominator =
      moment2_.sqrt().mul_(1 / std::sqrt(1 - std::pow(options_.beta2, t))).add_(options_.epsilon);
  weights.addcdiv_(moment1_, denominator, -learning_rate / (1 - std::pow(options_.beta1, t)));
}

void AdamW::Grow(const FlatLayout& before, const FlatParameters& parameters) {
  for (torch::Tensor* moment : {&moment1_, &moment2_}) {
    torch::Tensor grown = torch::zeros_like(parameters.values());
    CopyShared(before, *moment, parameters.layout(), grown);
    *moment = grown;
  }
}

void AdamW::Restore(uint64_t steps, const torch::Tensor& moment1, const torch::Tensor& moment2) {
  const torch::NoGradGuard no_grad;
  steps_ = steps;
  moment1_.copy_(moment1);
  moment2_.copy_(moment2);
}

}  // namespace perennial::trainer
