#include "trainer/strategy_cls_er.h"

#include "trainer/loss.h"

namespace perennial::trainer {
namespace {

constexpr double kConsistency = 0.15;    // r
constexpr uint64_t kAveragesFrom = 100;  // steps; before, they are still near the random start
// Forms of the loss.
constexpr int kPlain = 0;
constexpr int kConsistent = 1;

class ClsEr final : public Strategy {
 public:
  std::string_view name() const override { return "cls_er"; }

  void Prepare(uint64_t step, int64_t, StepBatch& batch) override {
    batch.form = step < kAveragesFrom ? kPlain : kConsistent;
  }

  torch::Tensor Loss(const StepContext& context, const StepBatch& batch) override {
    const torch::Tensor logits = context.student.Forward(batch.input).logits;
    const torch::Tensor loss = ClassificationLoss(logits, AllRows(batch));
    const int64_t replayed = logits.size(0) - batch.fresh;
    if (replayed == 0 || batch.form == kPlain) return loss;
    const torch::Tensor wanted = BetterOf(context, batch).narrow(0, batch.fresh, replayed);
    return loss + kConsistency * (logits.narrow(0, batch.fresh, replayed) - wanted).square().mean();
  }

 private:
  // [batch, labels] f32, no gradient.
  static torch::Tensor BetterOf(const StepContext& context, const StepBatch& batch) {
    const torch::NoGradGuard no_grad;
    const torch::Tensor plastic = context.average.Forward(batch.input).logits;
    if (&context.average == &context.teacher) return plastic;
    const torch::Tensor stable = context.teacher.Forward(batch.input).logits;
    const torch::Tensor own = batch.targets.unsqueeze(1);
    const torch::Tensor choose =
        torch::log_softmax(plastic, 1).gather(1, own) > torch::log_softmax(stable, 1).gather(1, own);
    return torch::where(choose, plastic, stable);
  }
};

}  // namespace

std::unique_ptr<Strategy> MakeClsEr() { return std::make_unique<ClsEr>(); }

}  // namespace perennial::trainer
