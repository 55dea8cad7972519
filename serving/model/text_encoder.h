#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "serving/model/attention.h"
#include "storage/format/model_spec.h"

namespace perennial::model {

// Bytes 1..256 and padding 0 (Tokenize).
inline constexpr int64_t kByteVocabulary = 257;

// A pre-norm transformer layer (Xiong et al., 2020): x + Attention(Norm(x)), then x + Mlp(Norm(x)).
class TransformerLayer : public torch::nn::Module {
 public:
  TransformerLayer(int64_t width, int64_t heads);
  torch::Tensor Forward(const torch::Tensor& x,
                        const torch::Tensor& key_bias) const;  // [batch, length, width], [batch, length]

 private:
  std::shared_ptr<LayerNorm> norm1_;
  std::shared_ptr<Attention> attention_;
  std::shared_ptr<LayerNorm> norm2_;
  std::shared_ptr<Mlp> mlp_;
};

struct EncodedText {
  torch::Tensor tokens;  // [batch, frames, width]
  torch::Tensor valid;   // [batch, frames] bool: frames that hold at least one byte
};

// Bytes -> text tokens. Byte embeddings are merged `text_stride` at a time by a convolution that sees a frame and the
// next one; then positions and transformer layers. Padding takes no part, so a text's tokens do not depend on how much
// padding follows.
class TextEncoder : public torch::nn::Module {
 public:
  explicit TextEncoder(const format::ModelSpec& spec);
  // tokens: [batch, length] i64, length a multiple of the stride or text_length.
  EncodedText Forward(const torch::Tensor& tokens) const;

 private:
  torch::Tensor Merge(const torch::Tensor& bytes) const;  // [batch, frames * stride, width] -> [batch, frames, width]

  const int64_t stride_;
  torch::Tensor bytes_;           // [257, width]
  torch::Tensor position_;        // [frames, width]
  std::shared_ptr<Dense> merge_;  // null when the stride is 1
  std::vector<std::shared_ptr<TransformerLayer>> layers_;
};

}  // namespace perennial::model
