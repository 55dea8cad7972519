#include "trainer/strategy_naive.h"

#include "trainer/loss.h"

namespace perennial::trainer {
namespace {

class Naive final : public Strategy {
 public:
  std::string_view name() const override { return "naive"; }
  bool UsesReplay() const override { return false; }
  torch::Tensor Loss(const StepContext& context, const StepBatch& batch) override {
    return ClassificationLoss(context.student.Forward(batch.input).logits, AllRows(batch));
  }
};

}  // namespace

std::unique_ptr<Strategy> MakeNaive() { return std::make_unique<Naive>(); }

}  // namespace perennial::trainer
