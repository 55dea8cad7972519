#pragma once

#include <torch/torch.h>

#include "trainer/flat_parameters.h"

namespace perennial::trainer {

// For as long as it lives the learned weights stand at w + radius g / |g|, g their present gradient: the first half of
// a step of sharpness-aware minimisation (Foret et al., "Sharpness-aware minimization for efficiently improving
// generalization", ICLR 2021). Then they are, with the running statistics, as they were before, to the bit, also after
// an exception. Looks at no value, so that it may be recorded (trainer/step_runner.h). A gradient of zero moves
// nothing.
class Perturbation {
 public:
  // REQUIRES `weights` outlives it, has gradients and keeps its layout.
  Perturbation(FlatParameters& weights, double radius);
  ~Perturbation();
  Perturbation(const Perturbation&) = delete;
  Perturbation& operator=(const Perturbation&) = delete;

 private:
  FlatParameters& weights_;
  const torch::Tensor before_;  // [total] f32
};

}  // namespace perennial::trainer
