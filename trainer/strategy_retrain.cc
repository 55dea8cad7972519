#include "trainer/strategy_retrain.h"

#include "trainer/loss.h"

namespace perennial::trainer {
namespace {

class Retrain final : public Strategy {
 public:
  std::string_view name() const override { return "retrain"; }
  uint64_t PassesOverMemory() const override { return 2; }
  torch::Tensor Loss(const StepContext& context, const StepBatch& batch) override {
    return ClassificationLoss(context.student.Forward(batch.input).logits, AllRows(batch));
  }
};

}  // namespace

std::unique_ptr<Strategy> MakeRetrain() { return std::make_unique<Retrain>(); }

}  // namespace perennial::trainer
