#include "trainer/perturbation.h"

#include "storage/base/log.h"

namespace perennial::trainer {
namespace {

constexpr double kLeastNorm = 1e-12;

}  // namespace

Perturbation::Perturbation(FlatParameters& weights, double radius)
    : weights_(weights), before_(weights.values().detach().clone()) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor length = weights_.gradients().norm().clamp_min(kLeastNorm);
  weights_.learned().add_(weights_.gradients().narrow(0, 0, weights_.layout().learned) * (radius / length));
}

Perturbation::~Perturbation() {
  try {
    const torch::NoGradGuard no_grad;
    weights_.values().copy_(before_);
  } catch (const std::exception& error) {
    // The device is gone, and the step's own error says so.
    log::Warn("weights_not_restored", {{"error", std::string(error.what())}});
  }
}

}  // namespace perennial::trainer
