#pragma once

#include <torch/torch.h>

#include "trainer/strategy.h"

namespace perennial::trainer {

// Mean cross-entropy of logits [batch, labels] f32 against the batch's targets. With mixed pictures (CutMix, Yun et
// al., ICCV 2019) row i counts share_i * CE(own label) + (1 - share_i) * CE(pasted label).
torch::Tensor ClassificationLoss(const torch::Tensor& logits, const StepBatch& batch);

}  // namespace perennial::trainer
