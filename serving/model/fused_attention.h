#pragma once

#include <torch/torch.h>

#include <cstdint>

namespace perennial::model {

// ScaledAttention (attention.h) for contiguous f32 CPU tensors, with its gradient. One head of one sample at a time, so
// that scores stay in the first-level cache, on Gemm and SoftmaxRows. REQUIRES HasGemm().
torch::Tensor FusedAttention(const torch::Tensor& query, const torch::Tensor& key_value, const torch::Tensor& key_bias,
                             int64_t heads);

}  // namespace perennial::model
