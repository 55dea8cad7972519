#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <vector>

#include "trainer/strategy.h"

// The terms that strategies are made of. Pure functions of tensors.
namespace perennial::trainer {

// The targets of some rows of a batch; fields as in StepBatch.
struct Targets {
  torch::Tensor own;    // [rows] i64
  torch::Tensor mixed;  // [rows] i64, or undefined
  torch::Tensor share;  // [rows] f32, or undefined
};
Targets AllRows(const StepBatch& batch);
Targets FreshRows(const StepBatch& batch);
Targets ReplayRows(const StepBatch& batch);

// The classes of the targets, one a row and again one a row with a pasted part. REQUIRES they are on the CPU: for
// Strategy::Prepare.
std::vector<int64_t> ListedClasses(const Targets& targets);

// Mean cross-entropy of logits [rows, labels] f32 against the targets. With mixed pictures (CutMix, Yun et al., ICCV
// 2019) row i counts share_i * CE(own label) + (1 - share_i) * CE(pasted label).
torch::Tensor ClassificationLoss(const torch::Tensor& logits, const Targets& targets);

// [labels] bool: the classes that occur in the targets.
torch::Tensor ClassesOf(const Targets& targets, int64_t labels, torch::Device device);
// The logits of classes that are not allowed [labels] bool become so low that they take no part.
torch::Tensor MaskClasses(const torch::Tensor& logits, const torch::Tensor& allowed);

// T^2 * KL(softmax(teacher / T) || softmax(student / T)), mean over rows (Hinton et al., "Distilling the knowledge in a
// neural network", 2015). The teacher takes no gradient.
torch::Tensor DistillationLoss(const torch::Tensor& student, const torch::Tensor& teacher, double temperature);

// Mean over the replayed rows of the mean squared difference from their stored logits, over the labels that were stored
// (StepBatch::stored_logits); rows without any, and rows with a part of another picture, count 0. `replayed`: [rows,
// labels] f32, the replayed rows' logits. 0 when the batch has no stored logits.
torch::Tensor StoredLogitLoss(const torch::Tensor& replayed, const StepBatch& batch);

}  // namespace perennial::trainer
