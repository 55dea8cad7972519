#include "trainer/loss.h"

namespace perennial::trainer {

torch::Tensor ClassificationLoss(const torch::Tensor& logits, const StepBatch& batch) {
  const torch::Tensor log_likelihood = torch::log_softmax(logits, 1);
  if (!batch.mixed_targets.defined()) return torch::nll_loss(log_likelihood, batch.targets);
  const torch::Tensor own = log_likelihood.gather(1, batch.targets.unsqueeze(1)).squeeze(1);
  const torch::Tensor pasted = log_likelihood.gather(1, batch.mixed_targets.unsqueeze(1)).squeeze(1);
  return -(batch.own_share * own + (1 - batch.own_share) * pasted).mean();
}

}  // namespace perennial::trainer
