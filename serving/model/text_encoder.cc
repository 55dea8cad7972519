#include "serving/model/text_encoder.h"

#include <string>

namespace perennial::model {

TransformerLayer::TransformerLayer(int64_t width, int64_t heads)
    : norm1_(register_module("norm1", std::make_shared<LayerNorm>(width))),
      attention_(register_module("attention", std::make_shared<Attention>(width, heads))),
      norm2_(register_module("norm2", std::make_shared<LayerNorm>(width))),
      mlp_(register_module("mlp", std::make_shared<Mlp>(width))) {}

torch::Tensor TransformerLayer::Forward(const torch::Tensor& x, const torch::Tensor& key_bias) const {
  const auto normed = norm1_->Forward(x);
  const auto y = x + attention_->Forward(normed, normed, key_bias);
  return y + mlp_->Forward(norm2_->Forward(y));
}

TextEncoder::TextEncoder(const format::ModelSpec& spec) : stride_(spec.text_stride) {
  const int64_t frames = (spec.text_length + stride_ - 1) / stride_;
  bytes_ = register_parameter("bytes", torch::empty({kByteVocabulary, spec.width}));
  position_ = register_parameter("position", torch::empty({frames, spec.width}));
  if (stride_ > 1) merge_ = register_module("merge", std::make_shared<Dense>(2 * stride_ * spec.width, spec.width));
  for (int64_t layer = 0; layer < spec.text_layers; ++layer) {
    layers_.push_back(
        register_module("layer" + std::to_string(layer), std::make_shared<TransformerLayer>(spec.width, spec.heads)));
  }
}

torch::Tensor TextEncoder::Merge(const torch::Tensor& bytes) const {
  const auto frames = bytes.reshape({bytes.size(0), -1, stride_ * bytes.size(2)});
  const auto next = torch::constant_pad_nd(frames.slice(1, 1), {0, 0, 0, 1});
  return merge_->Forward(torch::cat({frames, next}, 2));
}

EncodedText TextEncoder::Forward(const torch::Tensor& tokens) const {
  const int64_t frames = (tokens.size(1) + stride_ - 1) / stride_;
  const int64_t missing = frames * stride_ - tokens.size(1);
  const auto padded = missing > 0 ? torch::constant_pad_nd(tokens, {0, missing}) : tokens;
  const auto present = padded.ne(0);
  auto x = torch::embedding(bytes_, padded);
  EncodedText out;
  if (stride_ > 1) {
    x = Merge(x * present.unsqueeze(2));
    out.valid = present.view({tokens.size(0), frames, stride_}).any(2);
  } else {
    out.valid = present;
  }
  x = x + position_.narrow(0, 0, frames);
  const auto key_bias = out.valid.logical_not().to(x.scalar_type()) * kMaskedScore;
  for (const auto& layer : layers_) x = layer->Forward(x, key_bias);
  out.tokens = x;
  return out;
}

}  // namespace perennial::model
