#include "serving/model/cross_attention.h"

namespace perennial::model {

CrossModalBlock::CrossModalBlock(int64_t width, int64_t heads)
    : norm1_(register_module("norm1", std::make_shared<LayerNorm>(width))),
      context_norm_(register_module("context_norm", std::make_shared<LayerNorm>(width))),
      attention_(register_module("attention", std::make_shared<Attention>(width, heads))),
      norm2_(register_module("norm2", std::make_shared<LayerNorm>(width))),
      mlp_(register_module("mlp", std::make_shared<Mlp>(width))) {}

torch::Tensor CrossModalBlock::Forward(const torch::Tensor& visual, const torch::Tensor& context,
                                       const torch::Tensor& key_bias) const {
  const auto normed = norm1_->Forward(visual);
  const auto memory = torch::cat({normed, context_norm_->Forward(context)}, 1);
  const auto x = visual + attention_->Forward(normed, memory, key_bias);
  return x + mlp_->Forward(norm2_->Forward(x));
}

Modulation::Modulation(int64_t width)
    : norm_(register_module("norm", std::make_shared<LayerNorm>(width))),
      film_(register_module("film", std::make_shared<Dense>(width, 2 * width))) {}

torch::Tensor Modulation::Forward(const torch::Tensor& visual, const torch::Tensor& summary) const {
  const auto parts = film_->Forward(norm_->Forward(summary)).unsqueeze(1).chunk(2, 2);
  return torch::addcmul(visual + parts[1], visual, parts[0]);
}

}  // namespace perennial::model
