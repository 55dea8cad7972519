#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "serving/model/cross_attention.h"
#include "serving/model/dense.h"
#include "serving/model/model.h"
#include "serving/model/text_encoder.h"
#include "serving/model/vision_encoder.h"

namespace perennial::model {

// The compact cross-modal network, family "compact":
//   picture -> VisionEncoder -> visual tokens, or learned null tokens where there is none
//   text    -> TextEncoder   -> text tokens, masked out where there is none
//   Modulation: the mean of the text tokens (zero where there is none) scales and shifts the visual tokens
//   CrossModalBlock x fusion_layers: visual tokens query visual + text + null tokens
//   mean of the visual tokens -> norm -> embedding -> label head
// No dropout anywhere: hiding a modality is the trainer's act, by clearing a flag. What a cleared flag hides has no
// influence at all, not even as NaN. Parameters come uninitialised; BuildModel draws them. Gradients are of first order
// only (the fused CPU functions have no second).
class CompactModel final : public Model {
 public:
  // REQUIRES a valid spec and labels >= 0.
  CompactModel(const format::ModelSpec& spec, int64_t labels);

  ModelOutput Forward(const ModelInput& input) override;
  void GrowLabels(int64_t labels, uint64_t seed) override;
  int64_t label_count() const override { return head_->weight().size(0); }

 private:
  // [batch, cells, width]; null tokens where has_image is false.
  torch::Tensor VisualTokens(const ModelInput& input) const;
  // Tokens with `valid` false throughout where has_text is false.
  EncodedText TextTokens(const ModelInput& input) const;
  std::shared_ptr<VisionEncoder> vision_;
  std::shared_ptr<TextEncoder> text_;
  std::shared_ptr<Modulation> modulation_;
  std::vector<std::shared_ptr<CrossModalBlock>> fusion_;
  std::shared_ptr<LayerNorm> norm_;
  std::shared_ptr<Dense> head_;
  torch::Tensor null_visual_;   // [cells, width]
  torch::Tensor null_context_;  // [1, width]
};

}  // namespace perennial::model
