#include "trainer/strategy_er.h"

#include "trainer/loss.h"

namespace perennial::trainer {
namespace {

class ExperienceReplay final : public Strategy {
 public:
  std::string_view name() const override { return "er"; }
  torch::Tensor Loss(const StepContext& context, const StepBatch& batch) override {
    return ClassificationLoss(context.student.Forward(batch.input).logits, AllRows(batch));
  }
};

}  // namespace

std::unique_ptr<Strategy> MakeExperienceReplay() { return std::make_unique<ExperienceReplay>(); }

}  // namespace perennial::trainer
