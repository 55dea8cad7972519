#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "serving/model/dense.h"
#include "serving/model/model.h"

namespace perennial::model {

// A plain multilayer perceptron on the grey picture, family "mlp": the mean of the colour channels in [0, 1],
// flattened, through `hidden_layers` dense layers of `width` units with ReLU; the last one's output is the embedding,
// the label head reads it. It reads no text. The network of the continual-learning literature for small pictures, and
// the cheapest one for a sensor's picture without a question. Parameters come uninitialised; BuildModel draws them.
class MlpModel final : public Model {
 public:
  // REQUIRES a valid spec and labels >= 0.
  MlpModel(const format::ModelSpec& spec, int64_t labels);

  ModelOutput Forward(const ModelInput& input) override;
  void GrowLabels(int64_t labels, uint64_t seed) override;
  int64_t label_count() const override { return head_->weight().size(0); }

 private:
  std::vector<std::shared_ptr<Dense>> hidden_;
  std::shared_ptr<Dense> head_;
};

}  // namespace perennial::model
