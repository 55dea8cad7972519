#pragma once

#include <torch/torch.h>

#include <cstdint>

#include "trainer/flat_parameters.h"

namespace perennial::trainer {

struct AdamWOptions {
  double weight_decay = 0.1;  // on all parameters
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double max_gradient_norm = 1.0;  // 0: no clipping
};

// AdamW with decoupled weight decay (Loshchilov and Hutter, ICLR 2019, algorithm 2), bias-corrected:
//   m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
//   w = (1 - lr wd) w - lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
// over the flat buffers; on CPU one fused pass, elsewhere tensor operations. The gradient is first scaled to
// max_gradient_norm. Thread-compatible.
class AdamW {
 public:
  AdamW(const FlatParameters& parameters, AdamWOptions options);

  // Returns the gradient's norm before clipping. A norm that is not finite changes nothing.
  double Step(FlatParameters& parameters, double learning_rate);
  // After parameters.Rebind(): carries the moments of what was there before; new rows start at zero.
  void Grow(const FlatLayout& before, const FlatParameters& parameters);

  uint64_t steps() const { return steps_; }
  const torch::Tensor& moment1() const { return moment1_; }
  const torch::Tensor& moment2() const { return moment2_; }
  // From a checkpoint; shapes as the present ones.
  void Restore(uint64_t steps, const torch::Tensor& moment1, const torch::Tensor& moment2);

 private:
  double GradientNorm(FlatParameters& parameters) const;
  void StepOnCpu(FlatParameters& parameters, double learning_rate, double scale);
  void StepOnDevice(FlatParameters& parameters, double learning_rate, double scale);

  const AdamWOptions options_;
  uint64_t steps_ = 0;
  torch::Tensor moment1_;  // [total] f32
  torch::Tensor moment2_;  // [total] f32
};

}  // namespace perennial::trainer
