#pragma once

#include <torch/torch.h>

#include "serving/model/instant_head.h"
#include "serving/model/model.h"

namespace perennial::model {

// The plain view of a batch that the instant head reads. Borrows. REQUIRES contiguous tensors on the CPU.
FeatureInput ViewOf(const ModelInput& input);

// What a version answers: softmax of the network's logits, blended with its instant head when `head` is not null.
// Result: [batch, labels] f32 on the CPU, contiguous. REQUIRES the model is in eval mode and has head->labels() labels;
// may throw what Forward throws.
torch::Tensor Answer(Model& network, const InstantHead* head, const ModelInput& input);

}  // namespace perennial::model
