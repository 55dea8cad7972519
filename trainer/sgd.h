#pragma once

#include "trainer/optimiser.h"

namespace perennial::trainer {

struct SgdOptions {
  double weight_decay = 0;
  double momentum = 0;
  double max_gradient_norm = 0;  // 0: no clipping
};

// Stochastic gradient descent with momentum and decoupled weight decay:
//   m = mu m + g;  w = (1 - lr wd) w - lr m
// A step shrinks with the gradient, so what is remembered well by now is left alone; AdamW's step does not. Thread rule
// as Optimiser's.
class Sgd final : public Optimiser {
 public:
  Sgd(const FlatParameters& parameters, SgdOptions options)
      : Optimiser(parameters, options.max_gradient_norm), options_(options) {}

 private:
  void Apply(FlatParameters& parameters, double learning_rate, double scale) override;
  void ApplyOnDevice(FlatParameters& parameters, const torch::Tensor& rates, const torch::Tensor& factor) override;

  const SgdOptions options_;
};

}  // namespace perennial::trainer
