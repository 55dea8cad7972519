#include "trainer/adamw.h"

#include <cmath>

#include "trainer/adamw_kernel.h"

namespace perennial::trainer {

void AdamW::Apply(FlatParameters& parameters, double learning_rate, double scale) {
  if (parameters.values().device().is_cpu()) {
    StepOnCpu(parameters, learning_rate, scale);
  } else {
    StepByTensors(parameters, learning_rate, scale);
  }
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
            moment2_.data_ptr<float>(), static_cast<size_t>(parameters.layout().learned), c);
}

void AdamW::NextRates(double learning_rate, float* out) const {
  const auto t = static_cast<double>(steps_ + 1);
  out[0] = static_cast<float>(learning_rate);
  out[1] = static_cast<float>(learning_rate / (1 - std::pow(options_.beta1, t)));
  out[2] = static_cast<float>(1 / std::sqrt(1 - std::pow(options_.beta2, t)));
}

void AdamW::ApplyOnDevice(FlatParameters& parameters, const torch::Tensor& rates, const torch::Tensor& factor) {
  const torch::Tensor& gradients = parameters.gradients();
  moment1_.lerp_(gradients, factor * (1 - options_.beta1));
  moment2_.mul_(1 - factor * (1 - options_.beta2)).addcmul_(gradients, gradients, 1 - options_.beta2);
  parameters.learned().mul_(1 - rates[0] * factor * options_.weight_decay);
  const torch::Tensor denominator = moment2_.sqrt().mul_(rates[2]).add_(options_.epsilon);
  parameters.values().addcmul_(moment1_ / denominator, rates[1] * factor, -1);
}

void AdamW::StepByTensors(FlatParameters& parameters, double learning_rate, double scale) {
  torch::Tensor& weights = parameters.values();
  torch::Tensor gradients = parameters.gradients();
  const double t = static_cast<double>(steps_);
  if (scale != 1.0) gradients.mul_(scale);
  moment1_.mul_(options_.beta1).add_(gradients, 1 - options_.beta1);
  moment2_.mul_(options_.beta2).addcmul_(gradients, gradients, 1 - options_.beta2);
  parameters.learned().mul_(1 - learning_rate * options_.weight_decay);
  const torch::Tensor denominator =
      moment2_.sqrt().mul_(1 / std::sqrt(1 - std::pow(options_.beta2, t))).add_(options_.epsilon);
  weights.addcdiv_(moment1_, denominator, -learning_rate / (1 - std::pow(options_.beta1, t)));
}

}  // namespace perennial::trainer
