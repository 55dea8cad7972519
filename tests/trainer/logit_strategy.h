#pragma once

#include <memory>
#include <string>

#include "trainer/loss.h"
#include "trainer/online_trainer.h"
#include "trainer/strategy.h"

namespace perennial::trainer::testing_support {

// Cross-entropy plus the squared distance to the stored logits (DER++ without its weights): for tests of the plumbing.
class LogitStrategy : public Strategy {
 public:
  explicit LogitStrategy(bool refreshes) : refreshes_(refreshes) {}
  std::string_view name() const override { return refreshes_ ? "logits_refreshed" : "logits"; }
  bool UsesStoredLogits() const override { return true; }
  bool RefreshesStoredLogits() const override { return refreshes_; }
  torch::Tensor Loss(const StepContext& context, const StepBatch& batch) override {
    const torch::Tensor logits = context.student.Forward(batch.input).logits;
    context.HandOut(logits);
    const torch::Tensor loss = ClassificationLoss(logits, AllRows(batch));
    if (!batch.stored_logits.defined()) return loss;
    const torch::Tensor known = torch::isfinite(batch.stored_logits);
    const torch::Tensor stored = torch::where(known, batch.stored_logits, torch::zeros_like(batch.stored_logits));
    const torch::Tensor apart = (logits.narrow(0, batch.fresh, stored.size(0)) - stored) * known;
    return loss + 0.1 * apart.pow(2).mean();
  }

 private:
  const bool refreshes_;
};

// The registered strategies and these two.
inline Result<std::unique_ptr<Strategy>> MakeAny(std::string_view name) {
  if (name != "logits" && name != "logits_refreshed") return MakeStrategy(name);
  return std::unique_ptr<Strategy>(std::make_unique<LogitStrategy>(name == "logits_refreshed"));
}

}  // namespace perennial::trainer::testing_support
