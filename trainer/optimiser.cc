#include "trainer/optimiser.h"

#include <cmath>

#include "trainer/adamw.h"
#include "trainer/adamw_kernel.h"
#include "trainer/sgd.h"

namespace perennial::trainer {

Optimiser::Optimiser(const FlatParameters& parameters, double max_gradient_norm)
    : moment1_(torch::zeros_like(parameters.values())),
      moment2_(torch::zeros_like(parameters.values())),
      max_gradient_norm_(max_gradient_norm) {}

double Optimiser::GradientNorm(FlatParameters& parameters) const {
  torch::Tensor& gradients = parameters.gradients();
  if (!gradients.device().is_cpu()) return gradients.norm().item<double>();
  return std::sqrt(SumOfSquares(gradients.data_ptr<float>(), static_cast<size_t>(gradients.numel())));
}

double Optimiser::Step(FlatParameters& parameters, double learning_rate) {
  const torch::NoGradGuard no_grad;
  const double norm = GradientNorm(parameters);
  if (!std::isfinite(norm)) return norm;
  const bool clip = max_gradient_norm_ > 0 && norm > max_gradient_norm_;
  ++steps_;
  Apply(parameters, learning_rate, clip ? max_gradient_norm_ / norm : 1.0);
  return norm;
}

void Optimiser::NextRates(double learning_rate, float* out) const {
  out[0] = static_cast<float>(learning_rate);
  out[1] = out[2] = 1;
}

void Optimiser::StepOnDevice(FlatParameters& parameters, const torch::Tensor& rates, const torch::Tensor& norm,
                             const torch::Tensor& applied) {
  const torch::NoGradGuard no_grad;
  torch::Tensor& gradients = parameters.gradients();
  gradients.masked_fill_(applied.logical_not(), 0);
  if (max_gradient_norm_ > 0) {
    const torch::Tensor scale = norm.reciprocal().mul(max_gradient_norm_).clamp_max(1);
    gradients.mul_(torch::where(applied, scale, torch::zeros_like(scale)));
  }
  ApplyOnDevice(parameters, rates, applied.to(torch::kFloat32));
}

void Optimiser::Grow(const FlatLayout& before, const FlatParameters& parameters) {
  for (torch::Tensor* moment : {&moment1_, &moment2_}) {
    torch::Tensor grown = torch::zeros_like(parameters.values());
    CopyShared(before, *moment, parameters.layout(), grown);
    *moment = grown;
  }
}

void Optimiser::Restore(uint64_t steps, const torch::Tensor& moment1, const torch::Tensor& moment2) {
  const torch::NoGradGuard no_grad;
  steps_ = steps;
  moment1_.copy_(moment1);
  moment2_.copy_(moment2);
}

std::unique_ptr<Optimiser> MakeOptimiser(const FlatParameters& parameters, const TrainerOptions& options) {
  if (options.optimiser == "sgd") {
    SgdOptions sgd;
    sgd.weight_decay = options.weight_decay;
    sgd.momentum = options.momentum;
    sgd.max_gradient_norm = options.max_gradient_norm;
    return std::make_unique<Sgd>(parameters, sgd);
  }
  AdamWOptions adamw;
  adamw.weight_decay = options.weight_decay;
  adamw.max_gradient_norm = options.max_gradient_norm;
  return std::make_unique<AdamW>(parameters, adamw);
}

}  // namespace perennial::trainer
