#include "trainer/strategy_der.h"

#include "trainer/loss.h"

namespace perennial::trainer {
namespace {

constexpr double kLogits = 0.5;  // a
constexpr double kLabels = 0.5;  // b

class Der final : public Strategy {
 public:
  explicit Der(bool with_labels) : with_labels_(with_labels) {}
  std::string_view name() const override { return with_labels_ ? "der_pp" : "der"; }
  bool UsesStoredLogits() const override { return true; }

  torch::Tensor Loss(const StepContext& context, const StepBatch& batch) override {
    const torch::Tensor logits = context.student.Forward(batch.input).logits;
    context.HandOut(logits);
    torch::Tensor loss = ClassificationLoss(logits.narrow(0, 0, batch.fresh), FreshRows(batch));
    const int64_t replayed = logits.size(0) - batch.fresh;
    if (replayed == 0) return loss;
    const torch::Tensor old = logits.narrow(0, batch.fresh, replayed);
    loss = loss + kLogits * StoredLogitLoss(old, batch);
    return with_labels_ ? loss + kLabels * ClassificationLoss(old, ReplayRows(batch)) : loss;
  }

 private:
  const bool with_labels_;
};

}  // namespace

std::unique_ptr<Strategy> MakeDer() { return std::make_unique<Der>(false); }
std::unique_ptr<Strategy> MakeDerPlusPlus() { return std::make_unique<Der>(true); }

}  // namespace perennial::trainer
