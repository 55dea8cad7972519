#pragma once

#include <torch/torch.h>

#include "serving/model/model.h"
#include "trainer/flat_layout.h"

namespace perennial::trainer {

// All parameters of a model as views of one flat f32 tensor, and all gradients as views of another: clipping, optimiser
// and moving average are then a handful of operations instead of hundreds. Owned by the Learner; thread-compatible.
// REQUIRES `model` outlives it and nobody else replaces its parameters (zero the gradients here, not through the
// module: that would drop the views).
class FlatParameters {
 public:
  // Moves the model's values into the flat buffer. Without gradients the parameters are frozen (a teacher).
  // `channels_last`: the values of a four-dimensional parameter lie in the buffer with its second dimension innermost,
  // as a GPU's convolutions read them; what leaves the buffer goes through Export.
  FlatParameters(model::Model& model, bool with_gradients, bool channels_last = false);

  // After the label head grew: a new layout and buffer with the model's present values. Returns the layout before.
  FlatLayout Rebind();

  // `flat`: values(), gradients() or a buffer beside them (moments, averages). A copy on the CPU, each segment
  // row-major; and from such a one back.
  torch::Tensor Export(const torch::Tensor& flat) const;
  void Import(const torch::Tensor& exported, torch::Tensor flat) const;

  const FlatLayout& layout() const { return layout_; }
  torch::Tensor& values() { return values_; }  // [total] f32; padding is zero
  const torch::Tensor& values() const { return values_; }
  torch::Tensor& gradients() { return gradients_; }  // [total] f32; undefined without gradients
  void ZeroGradients() { gradients_.zero_(); }
  // The part of values() that takes gradients, and the part that the forward pass writes (model::IsStatistic).
  torch::Tensor learned() const { return values_.narrow(0, 0, layout_.learned); }
  torch::Tensor statistics() const { return values_.narrow(0, layout_.learned, layout_.total - layout_.learned); }

  // `flat` as above, on any device and of any type: the part that is one parameter, in its shape.
  torch::Tensor View(const torch::Tensor& flat, const FlatLayout::Segment& segment) const;
  bool channels_last() const { return channels_last_; }

 private:
  model::Model& model_;
  const bool with_gradients_;
  const bool channels_last_;
  FlatLayout layout_;
  torch::Tensor values_;
  torch::Tensor gradients_;
};

}  // namespace perennial::trainer
