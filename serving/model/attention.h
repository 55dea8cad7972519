#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>

#include "serving/model/dense.h"

namespace perennial::model {

// What a masked key's score gets: large enough that its weight is exactly 0, finite so that a row without any key is
// still no NaN.
inline constexpr double kMaskedScore = -1e4;

// Scaled dot-product attention (Vaswani et al., 2017): softmax(q k^T / sqrt(d) + bias) v for each head, heads side by
// side in the last dimension.
//   query: [batch, queries, width], key_value: [batch, keys, 2 width] (keys first), key_bias: [batch, keys] f32, no
//   gradient. result: [batch, queries, width]
// On the CPU in f32 one fused function walks the heads in place, without the permuted copies that a batched product
// needs; elsewhere matmul and softmax written out, since LibTorch 1.13 has no scaled_dot_product_attention.
torch::Tensor ScaledAttention(const torch::Tensor& query, const torch::Tensor& key_value, const torch::Tensor& key_bias,
                              int64_t heads);

// Multi-head attention with its four projections.
class Attention : public torch::nn::Module {
 public:
  Attention(int64_t width, int64_t heads);
  // query: [batch, queries, width], memory: [batch, keys, width] -> [batch, queries, width]
  torch::Tensor Forward(const torch::Tensor& query, const torch::Tensor& memory, const torch::Tensor& key_bias) const;

 private:
  const int64_t heads_;
  std::shared_ptr<Dense> query_;
  std::shared_ptr<Dense> key_value_;
  std::shared_ptr<Dense> out_;
};

}  // namespace perennial::model
