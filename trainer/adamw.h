#pragma once

#include "trainer/optimiser.h"

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
// over the flat buffers; on CPU one fused pass, elsewhere tensor operations. Thread rule as Optimiser's.
class AdamW final : public Optimiser {
 public:
  AdamW(const FlatParameters& parameters, AdamWOptions options)
      : Optimiser(parameters, options.max_gradient_norm), options_(options) {}

 private:
  void Apply(FlatParameters& parameters, double learning_rate, double scale) override;
  void ApplyOnDevice(FlatParameters& parameters, const torch::Tensor& rates, const torch::Tensor& factor) override;
  void NextRates(double learning_rate, float* out) const override;
  void StepOnCpu(FlatParameters& parameters, double learning_rate, double scale);
  void StepByTensors(FlatParameters& parameters, double learning_rate, double scale);

  const AdamWOptions options_;
};

}  // namespace perennial::trainer
