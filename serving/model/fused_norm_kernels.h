#pragma once

#include <cstdint>

// The CUDA kernels of fused_norm.h, without LibTorch. All pointers are the device's; activations are bfloat16,
// [rows, channels] with channels next to each other, everything else is float. They are begun on `stream`, a
// cudaStream_t, and nothing waits for them; a launch that fails shows in cudaGetLastError().
namespace perennial::model::fused {

struct Extent {
  int64_t rows;      // above 0
  int64_t channels;  // 8 times a power of two, at most 4096
};
bool Takes(int64_t channels);
// Floats of scratch that Statistics and GradientSums need.
int64_t ScratchFloats(const Extent& extent);

// mean and invstd [channels], of the rows; `running_mean` and `running_var` move the share `momentum` towards them, the
// variance's unbiased. Sums are taken about the first row, so that a mean far from 0 does not cost digits.
struct Statistics {
  const void* x;
  float* scratch;
  float *mean, *invstd, *running_mean, *running_var;
  float momentum, epsilon;
};
void Run(const Statistics& work, const Extent& extent, void* stream);

// out = activation((x - mean) * invstd * weight + bias + residual).
struct Apply {
  const void* x;
  const void* residual;       // null: none
  const float *mean, *scale;  // scale: invstd, or the running variance
  bool scale_is_variance;
  float epsilon;  // for that
  const float *weight, *bias;
  bool relu;
  void* out;
};
void Run(const Apply& work, const Extent& extent, void* stream);

// Of a loss, given its gradient by `out`: grad_bias = sum g, grad_weight = sum g * xhat over the rows, where g is
// grad_out, and 0 where relu made `out` 0.
struct GradientSums {
  const void* grad_out;
  const void* out;  // null: no relu
  const void* x;
  const float *mean, *invstd;
  float* scratch;
  float *grad_weight, *grad_bias;
};
void Run(const GradientSums& work, const Extent& extent, void* stream);

// grad_x = weight * invstd * (g - grad_bias / rows - xhat * grad_weight / rows); grad_residual = g.
struct GradientInput {
  const void* grad_out;
  const void* out;  // null: no relu
  const void* x;
  const float *mean, *invstd, *weight, *grad_weight, *grad_bias;
  void* grad_x;
  void* grad_residual;  // null: none
};
void Run(const GradientInput& work, const Extent& extent, void* stream);

}  // namespace perennial::model::fused
