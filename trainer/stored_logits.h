#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "replay/example.h"
#include "storage/base/status.h"
#include "trainer/batch_builder.h"
#include "trainer/strategy.h"

// Between tensors and what the replay memory keeps of logits: binary16, so that 100 labels take 200 bytes. A logit
// beyond its range is kept as +-65504.
namespace perennial::trainer {

// StepBatch::stored_logits of a draw, on the CPU. REQUIRES no example has more logits than `labels`.
torch::Tensor StoredLogits(const ReplayDraw& replayed, int64_t labels);

// What to keep of each row of the batch, in the batch's order: its logits and its cross-entropy with its own label. A
// row whose logits are not finite keeps nothing. `logits`: [batch, labels] f32, CPU, contiguous. kInternal when the
// shape is another (a strategy handed out something else).
Result<std::vector<replay::ItemState>> StatesOf(const torch::Tensor& logits, const StepBatch& batch);

// What StatesOf and then StoredLogits make of `logits`, on their device: [batch, labels] f32.
torch::Tensor AsStored(const torch::Tensor& logits);

}  // namespace perennial::trainer
