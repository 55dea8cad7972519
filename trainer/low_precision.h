#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>

#include "serving/model/model.h"
#include "trainer/flat_parameters.h"

namespace perennial::trainer {

// A network that computes in bfloat16 with another's weights: its matrices and convolutions, the label head's apart,
// are views of one rounded copy of the other's flat buffer, made anew by one operation a step; its vectors and running
// statistics are the other's own. So nothing is rounded weight by weight, forth or back. Where autocast is on, as on
// CUDA. REQUIRES `source` outlives it and keeps its layout; thread-compatible.
class LowPrecisionCopy {
 public:
  LowPrecisionCopy(const model::Model& like, const FlatParameters& source, bool learns);

  // Begins to round the source's present weights.
  void Refresh() { rounded_.copy_(source_.values()); }
  model::Model& model() { return *model_; }

 private:
  const FlatParameters& source_;
  torch::Tensor rounded_;  // [layout.total] bf16
  std::shared_ptr<model::Model> model_;
};

}  // namespace perennial::trainer
