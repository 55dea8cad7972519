#pragma once

#include <torch/torch.h>

#include <memory>
#include <string>
#include <vector>

#include "storage/base/status.h"
#include "storage/format/model_spec.h"

namespace perennial::model {

// A batch of optional images and optional token sequences; a sample has at least one of the two.
struct ModelInput {
  torch::Tensor images;     // [batch, 3, side, side] f32 in [-1, 1]; zeros where absent
  torch::Tensor has_image;  // [batch] bool
  torch::Tensor tokens;     // [batch, length] i64; 0 is padding
  torch::Tensor has_text;   // [batch] bool
};

struct ModelOutput {
  torch::Tensor logits;             // [batch, labels] f32
  torch::Tensor embedding;          // [batch, width] f32, what the head reads
  torch::Tensor next_token_logits;  // [batch, length, vocabulary] f32; undefined for models that are not generative
};

// A network built from a ModelSpec. The compact cross-modal network and (later) DeepSeek-VL are two implementations;
// nothing above knows which one runs. Parameters are torch's named_parameters(); the head's names start with "head.".
// Thread rule: const Forward in eval mode may run on several threads; anything else is for the owner only.
class Model : public torch::nn::Module {
 public:
  virtual ModelOutput Forward(const ModelInput& input) = 0;
  // Adds rows to the label head until it has `labels`; old rows keep their values, new ones start at the initialisation
  // drawn from `seed`. REQUIRES labels >= label_count().
  virtual void GrowLabels(int64_t labels, uint64_t seed) = 0;
  virtual int64_t label_count() const = 0;
  const format::ModelSpec& spec() const { return spec_; }

 protected:
  explicit Model(format::ModelSpec spec) : spec_(std::move(spec)) {}
  format::ModelSpec spec_;
};

// Builds the network with `labels` outputs, its weights drawn from `seed` (independent of torch's global generator).
Result<std::shared_ptr<Model>> BuildModel(const format::ModelSpec& spec, int64_t labels, uint64_t seed);

}  // namespace perennial::model
