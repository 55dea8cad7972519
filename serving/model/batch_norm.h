#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <string_view>

#include "serving/model/fused_norm.h"

namespace perennial::model {

// Batch normalisation over all dimensions but the second (Ioffe and Szegedy, ICML 2015):
//   y = (x - mean) / sqrt(var + 1e-5) * weight + bias
// with mean and variance of the batch while training, of `running_mean` and `running_var` otherwise. Training moves
// those a tenth of the way to the batch's, the variance's unbiased. They are parameters without a gradient, so that
// whatever carries a network's weights (version, checkpoint, moving average, interpolation) carries them too. A
// channel with one value in the batch has no variance: such a batch is normalised as in eval mode.
class BatchNorm : public torch::nn::Module {
 public:
  explicit BatchNorm(int64_t channels);
  torch::Tensor Forward(const torch::Tensor& x) const;  // [batch, channels, ...], same shape
  // relu(y + residual); `residual` undefined: none.
  torch::Tensor ForwardRelu(const torch::Tensor& x, const torch::Tensor& residual = {}) const;

 private:
  bool Learns(const torch::Tensor& x) const { return is_training() && x.numel() > x.size(1); }
  // Whether fused_norm.h does it.
  bool Fuses(const torch::Tensor& x) const;
  NormParts Parts(const torch::Tensor& x) const;

  torch::Tensor weight_;        // [channels]
  torch::Tensor bias_;          // [channels]
  torch::Tensor running_mean_;  // [channels], no gradient
  torch::Tensor running_var_;   // [channels], no gradient
};

// True for a parameter that is observed in the forward pass and not learned: no gradient, no weight decay.
bool IsStatistic(std::string_view parameter);

}  // namespace perennial::model
