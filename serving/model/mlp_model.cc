#include "serving/model/mlp_model.h"

#include <string>

#include "serving/model/label_head.h"

namespace perennial::model {

MlpModel::MlpModel(const format::ModelSpec& spec, int64_t labels) : Model(spec) {
  int64_t inputs = spec.image_size * spec.image_size;
  for (int64_t layer = 0; layer < spec.hidden_layers; ++layer) {
    hidden_.push_back(register_module("hidden" + std::to_string(layer), std::make_shared<Dense>(inputs, spec.width)));
    inputs = spec.width;
  }
  head_ = register_module("head", std::make_shared<Dense>(inputs, labels));
}

ModelOutput MlpModel::Forward(const ModelInput& input) {
  const auto zero = torch::zeros({}, input.images.options());
  const auto seen = torch::where(input.has_image.view({-1, 1, 1, 1}), input.images, zero);
  auto x = (seen.mean(1).flatten(1) + 1) / 2;
  for (const auto& layer : hidden_) x = torch::relu(layer->Forward(x));
  return {head_->Forward(x), x, {}};
}

void MlpModel::GrowLabels(int64_t labels, uint64_t seed) { GrowHead(*head_, labels, seed); }

}  // namespace perennial::model
