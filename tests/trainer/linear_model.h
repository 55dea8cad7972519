#pragma once

#include <torch/torch.h>

#include "serving/model/model.h"
#include "storage/base/rng.h"

namespace perennial::trainer::testing_support {

// The smallest Model: a linear head on the first `features` tokens. For what needs parameters and no network.
class LinearModel final : public model::Model {
 public:
  LinearModel(int64_t features, int64_t labels, uint64_t seed) : Model(format::ModelSpec{}) {
    // No dots: newer LibTorch takes none in a parameter's name.
    weight_ = register_parameter("head_weight", Rows(features, labels, seed));
    bias_ = register_parameter("head_bias", torch::zeros({labels}));
    scale_ = register_parameter("a_scale", torch::ones({features}));
  }
  model::ModelOutput Forward(const model::ModelInput& input) override {
    model::ModelOutput output;
    output.embedding = input.tokens.narrow(1, 0, weight_.size(1)).to(torch::kFloat32) * scale_;
    output.logits = torch::matmul(output.embedding, weight_.t()) + bias_;
    return output;
  }
  void GrowLabels(int64_t labels, uint64_t seed) override {
    const torch::NoGradGuard no_grad;
    const int64_t kept = weight_.size(0);
    torch::Tensor weight = Rows(weight_.size(1), labels, seed);
    torch::Tensor bias = torch::zeros({labels});
    weight.narrow(0, 0, kept).copy_(weight_);
    bias.narrow(0, 0, kept).copy_(bias_);
    weight_.set_data(weight);
    bias_.set_data(bias);
  }
  int64_t label_count() const override { return weight_.size(0); }

 private:
  static torch::Tensor Rows(int64_t features, int64_t labels, uint64_t seed) {
    Rng rng(seed);
    torch::Tensor rows = torch::empty({labels, features});
    for (int64_t i = 0; i < rows.numel(); ++i) rows.data_ptr<float>()[i] = static_cast<float>(rng.Normal());
    return rows;
  }
  torch::Tensor weight_, bias_, scale_;
};

}  // namespace perennial::trainer::testing_support
