#include "trainer/strategy_er_ace.h"

#include "trainer/loss.h"

namespace perennial::trainer {
namespace {

class ErAce final : public Strategy {
 public:
  std::string_view name() const override { return "er_ace"; }
  torch::Tensor Loss(const StepContext& context, const StepBatch& batch) override {
    const torch::Tensor logits = context.student.Forward(batch.input).logits;
    const torch::Tensor allowed = ClassesOf(FreshRows(batch), logits.size(1), logits.device());
    torch::Tensor loss = ClassificationLoss(MaskClasses(logits.narrow(0, 0, batch.fresh), allowed), FreshRows(batch));
    const int64_t replayed = logits.size(0) - batch.fresh;
    if (replayed > 0) {
      loss = loss + ClassificationLoss(logits.narrow(0, batch.fresh, replayed), ReplayRows(batch));
    }
    return loss;
  }
};

}  // namespace

std::unique_ptr<Strategy> MakeErAce() { return std::make_unique<ErAce>(); }

}  // namespace perennial::trainer
