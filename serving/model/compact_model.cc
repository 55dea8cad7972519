#include "serving/model/compact_model.h"

#include <algorithm>
#include <string>

#include "serving/model/label_head.h"

namespace perennial::model {
namespace {

// On the CPU a batch whose flags are all false needs no encoder, and padding behind the longest text no computing. Both
// leave every answer as it is: hidden tokens have weight 0. Not while gradients are recorded, so that every parameter
// always has one; not on a GPU, where looking at the flags would stall the stream.
bool MaySkip(const torch::Tensor& flags) {
  return flags.device().is_cpu() && !torch::GradMode::is_enabled() && !flags.any().item<bool>();
}

// Columns up to the longest text, in whole frames of `stride`; at least one frame.
torch::Tensor TrimPadding(const torch::Tensor& tokens, int64_t stride) {
  if (!tokens.device().is_cpu() || tokens.size(0) == 0) return tokens;
  const auto used = tokens.ne(0).any(0).nonzero();
  const int64_t last = used.size(0) == 0 ? 0 : used[used.size(0) - 1].item<int64_t>();
  const int64_t frames = last / stride + 1;
  return tokens.narrow(1, 0, std::min(frames * stride, tokens.size(1)));
}

// Mean over the valid frames, zero where there is none: [batch, width].
torch::Tensor MeanOfValid(const EncodedText& text) {
  const auto weight = text.valid.to(text.tokens.scalar_type());
  const auto count = weight.sum(1, true).clamp_min(1);
  return torch::bmm((weight / count).unsqueeze(1), text.tokens).squeeze(1);
}

torch::Tensor Column(const torch::Tensor& flags, int64_t dimensions) {
  auto shape = std::vector<int64_t>(static_cast<size_t>(dimensions), 1);
  shape[0] = flags.size(0);
  return flags.view(shape);
}

}  // namespace

CompactModel::CompactModel(const format::ModelSpec& spec, int64_t labels) : Model(spec) {
  vision_ = register_module("vision", std::make_shared<VisionEncoder>(spec));
  text_ = register_module("text", std::make_shared<TextEncoder>(spec));
  modulation_ = register_module("modulation", std::make_shared<Modulation>(spec.width));
  for (int64_t layer = 0; layer < spec.fusion_layers; ++layer) {
    fusion_.push_back(
        register_module("fusion" + std::to_string(layer), std::make_shared<CrossModalBlock>(spec.width, spec.heads)));
  }
  norm_ = register_module("norm", std::make_shared<LayerNorm>(spec.width));
  head_ = register_module("head", std::make_shared<Dense>(spec.width, labels));
  null_visual_ = register_parameter("null_visual", torch::empty({vision_->cells(), spec.width}));
  null_context_ = register_parameter("null_context", torch::empty({1, spec.width}));
}

torch::Tensor CompactModel::VisualTokens(const ModelInput& input) const {
  const int64_t batch = input.has_image.size(0);
  const auto nulls = null_visual_.unsqueeze(0).expand({batch, -1, -1});
  if (MaySkip(input.has_image)) return nulls;
  // Hidden pixels become zeros first: NaN times a gradient of 0 would still be NaN in the convolutions' gradient.
  const auto zero = torch::zeros({}, input.images.options());
  const auto seen = torch::where(Column(input.has_image, 4), input.images, zero);
  return torch::where(Column(input.has_image, 3), vision_->Forward(seen), nulls);
}

EncodedText CompactModel::TextTokens(const ModelInput& input) const {
  const auto hidden = input.tokens * Column(input.has_text, 2);
  const auto tokens = TrimPadding(hidden, spec_.text_stride);
  if (MaySkip(input.has_text)) {
    const auto options = null_context_.options();
    return {torch::zeros({tokens.size(0), 1, spec_.width}, options),
            torch::zeros({tokens.size(0), 1}, options.dtype(torch::kBool))};
  }
  return text_->Forward(tokens);
}

ModelOutput CompactModel::Forward(const ModelInput& input) {
  auto visual = VisualTokens(input);
  const auto text = TextTokens(input);
  const int64_t batch = visual.size(0);
  const auto context = torch::cat({text.tokens, null_context_.unsqueeze(0).expand({batch, 1, -1})}, 1);
  // Only text frames can be masked: [cells | frames | null].
  const auto text_bias = text.valid.logical_not().to(context.scalar_type()) * kMaskedScore;
  const auto never = torch::zeros({batch, vision_->cells()}, context.options());
  const auto key_bias = torch::cat({never, text_bias, never.narrow(1, 0, 1)}, 1);
  visual = modulation_->Forward(visual, MeanOfValid(text));
  for (const auto& block : fusion_) visual = block->Forward(visual, context, key_bias);
  ModelOutput output;
  output.embedding = norm_->Forward(visual.mean(1));
  output.logits = head_->Forward(output.embedding);
  return output;
}

void CompactModel::GrowLabels(int64_t labels, uint64_t seed) { GrowHead(*head_, labels, seed); }

}  // namespace perennial::model
