#include "trainer/strategy_gdumb.h"

#include "trainer/loss.h"

namespace perennial::trainer {
namespace {

class Gdumb final : public Strategy {
 public:
  std::string_view name() const override { return "gdumb"; }
  uint64_t PassesOverMemory() const override { return 50; }
  torch::Tensor Loss(const StepContext& context, const StepBatch& batch) override {
    return ClassificationLoss(context.student.Forward(batch.input).logits, AllRows(batch));
  }
};

}  // namespace

std::unique_ptr<Strategy> MakeGdumb() { return std::make_unique<Gdumb>(); }

}  // namespace perennial::trainer
