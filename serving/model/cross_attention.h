#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>

#include "serving/model/attention.h"

namespace perennial::model {

// One cross-modal fusion block, pre-norm: the visual tokens ask, visual and text tokens (and one learned null token, so
// that there is always something to look at) answer. n = Norm(x); x + Attention(n, [n; Norm'(context)]), then x +
// Mlp(Norm(x)).
class CrossModalBlock : public torch::nn::Module {
 public:
  CrossModalBlock(int64_t width, int64_t heads);
  // visual: [batch, cells, width], context: [batch, others, width], key_bias: [batch, cells + others] -> [batch, cells,
  // width]
  torch::Tensor Forward(const torch::Tensor& visual, const torch::Tensor& context, const torch::Tensor& key_bias) const;

 private:
  std::shared_ptr<LayerNorm> norm1_;
  std::shared_ptr<LayerNorm> context_norm_;
  std::shared_ptr<Attention> attention_;
  std::shared_ptr<LayerNorm> norm2_;
  std::shared_ptr<Mlp> mlp_;
};

// Feature-wise modulation (Perez et al., 2018): v (1 + gamma) + beta, [gamma; beta] = Dense(Norm(summary of the text)).
// It lets a question choose what the visual tokens say before they are compared; without it rare question kinds were
// learned late.
class Modulation : public torch::nn::Module {
 public:
  explicit Modulation(int64_t width);
  // visual: [batch, cells, width], summary: [batch, width] -> [batch, cells, width]
  torch::Tensor Forward(const torch::Tensor& visual, const torch::Tensor& summary) const;

 private:
  std::shared_ptr<LayerNorm> norm_;
  std::shared_ptr<Dense> film_;  // width -> 2 width
};

}  // namespace perennial::model
