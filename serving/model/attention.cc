#include "serving/model/attention.h"

#include <cmath>

#include "serving/model/fused_attention.h"
#include "serving/model/gemm.h"

namespace perennial::model {
namespace {

torch::Tensor WrittenOut(const torch::Tensor& query, const torch::Tensor& key_value, const torch::Tensor& key_bias,
                         int64_t heads) {
  const int64_t batch = query.size(0);
  const int64_t depth = query.size(2) / heads;
  const auto q = query.view({batch, query.size(1), heads, depth}).transpose(1, 2);
  const auto kv = key_value.view({batch, key_value.size(1), 2, heads, depth}).permute({2, 0, 3, 1, 4});
  const double scale = 1.0 / std::sqrt(static_cast<double>(depth));
  const auto scores =
      torch::matmul(q * scale, kv[0].transpose(-2, -1)) + key_bias.view({batch, 1, 1, key_bias.size(1)});
  return torch::matmul(torch::softmax(scores, -1), kv[1]).transpose(1, 2).reshape(query.sizes());
}

}  // namespace

torch::Tensor ScaledAttention(const torch::Tensor& query, const torch::Tensor& key_value, const torch::Tensor& key_bias,
                              int64_t heads) {
  if (HasGemm() && query.device().is_cpu() && query.scalar_type() == torch::kFloat) {
    return FusedAttention(query.contiguous(), key_value.contiguous(), key_bias.contiguous(), heads);
  }
  return WrittenOut(query.contiguous(), key_value.contiguous(), key_bias, heads);
}

Attention::Attention(int64_t width, int64_t heads)
    : heads_(heads),
      query_(register_module("query", std::make_shared<Dense>(width, width))),
      key_value_(register_module("key_value", std::make_shared<Dense>(width, 2 * width))),
      out_(register_module("out", std::make_shared<Dense>(width, width))) {}

torch::Tensor Attention::Forward(const torch::Tensor& query, const torch::Tensor& memory,
                                 const torch::Tensor& key_bias) const {
  const auto attended = ScaledAttention(query_->Forward(query), key_value_->Forward(memory), key_bias, heads_);
  return out_->Forward(attended);
}

}  // namespace perennial::model
