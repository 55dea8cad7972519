#include "trainer/loss.h"

namespace perennial::trainer {
namespace {

// Low enough for a weight of zero in a softmax, and finite, so that no gradient becomes NaN.
constexpr double kNever = -1e4;

Targets Rows(const StepBatch& batch, int64_t first, int64_t count) {
  Targets targets{batch.targets.narrow(0, first, count), {}, {}};
  if (!batch.mixed_targets.defined()) return targets;
  targets.mixed = batch.mixed_targets.narrow(0, first, count);
  targets.share = batch.own_share.narrow(0, first, count);
  return targets;
}

}  // namespace

Targets AllRows(const StepBatch& batch) { return {batch.targets, batch.mixed_targets, batch.own_share}; }
Targets FreshRows(const StepBatch& batch) { return Rows(batch, 0, batch.fresh); }
Targets ReplayRows(const StepBatch& batch) { return Rows(batch, batch.fresh, batch.targets.size(0) - batch.fresh); }

std::vector<int64_t> ListedClasses(const Targets& targets) {
  std::vector<int64_t> classes;
  for (const torch::Tensor& some : {targets.own, targets.mixed}) {
    if (!some.defined()) continue;
    const torch::Tensor listed = some.contiguous();
    const auto* first = listed.data_ptr<int64_t>();
    classes.insert(classes.end(), first, first + listed.numel());
  }
  return classes;
}

torch::Tensor ClassificationLoss(const torch::Tensor& logits, const Targets& targets) {
  const torch::Tensor log_likelihood = torch::log_softmax(logits, 1);
  if (!targets.mixed.defined()) return torch::nll_loss(log_likelihood, targets.own);
  const torch::Tensor own = log_likelihood.gather(1, targets.own.unsqueeze(1)).squeeze(1);
  const torch::Tensor pasted = log_likelihood.gather(1, targets.mixed.unsqueeze(1)).squeeze(1);
  return -(targets.share * own + (1 - targets.share) * pasted).mean();
}

torch::Tensor ClassesOf(const Targets& targets, int64_t labels, torch::Device device) {
  const torch::Tensor classes = torch::zeros({labels}, torch::TensorOptions(device).dtype(torch::kBool));
  classes.index_fill_(0, targets.own, true);
  if (targets.mixed.defined()) classes.index_fill_(0, targets.mixed, true);
  return classes;
}

torch::Tensor MaskClasses(const torch::Tensor& logits, const torch::Tensor& allowed) {
  return logits.masked_fill(allowed.logical_not().unsqueeze(0), kNever);
}

torch::Tensor DistillationLoss(const torch::Tensor& student, const torch::Tensor& teacher, double temperature) {
  const torch::Tensor wanted = torch::softmax(teacher.detach() / temperature, 1);
  const torch::Tensor given = torch::log_softmax(student / temperature, 1);
  const torch::Tensor entropy = (wanted * torch::log(wanted.clamp_min(1e-12))).sum(1);
  return temperature * temperature * (entropy - (wanted * given).sum(1)).mean();
}

torch::Tensor StoredLogitLoss(const torch::Tensor& replayed, const StepBatch& batch) {
  if (!batch.stored_logits.defined()) return torch::zeros({}, replayed.options());
  torch::Tensor known = batch.stored_logits.isnan().logical_not();
  if (batch.own_share.defined()) {
    known = known.logical_and((batch.own_share.narrow(0, batch.fresh, replayed.size(0)) == 1).unsqueeze(1));
  }
  const torch::Tensor difference =
      torch::where(known, replayed - batch.stored_logits, torch::zeros({}, replayed.options()));
  return (difference.square().sum(1) / known.sum(1).clamp_min(1)).mean();
}

}  // namespace perennial::trainer
