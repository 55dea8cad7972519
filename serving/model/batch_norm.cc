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

torch::Tensor BatchNorm::Forward(const torch::Tensor& x) const {
  const bool learns = is_training() && x.numel() > x.size(1);
  return torch::batch_norm(x, weight_, bias_, running_mean_, running_var_, learns, kMomentum, kEpsilon,
                           at::globalContext().userEnabledCuDNN());
}

bool IsStatistic(std::string_view parameter) {
  return parameter.ends_with("running_mean") || parameter.ends_with("running_var");
}

}  // namespace perennial::model
