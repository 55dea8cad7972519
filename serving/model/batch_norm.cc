#include "serving/model/batch_norm.h"

namespace perennial::model {
namespace {

constexpr double kMomentum = 0.1;  // share of the batch in the running statistics
constexpr double kEpsilon = 1e-5;

}  // namespace

BatchNorm::BatchNorm(int64_t channels)
    : weight_(register_parameter("weight", torch::empty({channels}))),
      bias_(register_parameter("bias", torch::empty({channels}))),
      running_mean_(register_parameter("running_mean", torch::empty({channels}), false)),
      running_var_(register_parameter("running_var", torch::empty({channels}), false)) {}

bool BatchNorm::Fuses(const torch::Tensor& x) const {
  // With running statistics the fused one has no gradient.
  return FusedNormTakes(x) && (Learns(x) || !torch::GradMode::is_enabled());
}

NormParts BatchNorm::Parts(const torch::Tensor& x) const {
  return {weight_, bias_, running_mean_, running_var_, Learns(x), kMomentum, kEpsilon};
}

torch::Tensor BatchNorm::Forward(const torch::Tensor& x) const {
  if (Fuses(x)) return FusedNorm(x, {}, Parts(x), false);
  return torch::batch_norm(x, weight_, bias_, running_mean_, running_var_, Learns(x), kMomentum, kEpsilon,
                           at::globalContext().userEnabledCuDNN());
}

torch::Tensor BatchNorm::ForwardRelu(const torch::Tensor& x, const torch::Tensor& residual) const {
  if (Fuses(x) && (!residual.defined() || FusedNormTakes(residual))) return FusedNorm(x, residual, Parts(x), true);
  torch::Tensor y = Forward(x);
  if (residual.defined()) y.add_(residual);
  return y.relu_();
}

bool IsStatistic(std::string_view parameter) {
  return parameter.ends_with("running_mean") || parameter.ends_with("running_var");
}

}  // namespace perennial::model
