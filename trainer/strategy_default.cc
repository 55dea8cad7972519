#include "trainer/strategy_default.h"

#include <algorithm>

#include "trainer/loss.h"
#include "trainer/recent_classes.h"

namespace perennial::trainer {
namespace {

constexpr double kTemperature = 4.0;
constexpr double kDistillation = 0.5;     // d
constexpr double kStoredLogits = 0.7;     // a
constexpr double kOftenDrawn = 0.1;       // o
constexpr double kFreshWeight = 0.3;      // w
constexpr uint64_t kRecentBatches = 100;  // whose classes the stream brings at present
constexpr uint64_t kTeacherFrom = 100;    // steps; before, the average is the random start
// Forms of the loss.
constexpr int kUntaught = 0;
constexpr int kTaught = 1;

class Default final : public Strategy {
 public:
  std::string_view name() const override { return "default"; }
  bool UsesStoredLogits() const override { return true; }

  void Prepare(uint64_t step, int64_t labels, StepBatch& batch) override {
    batch.recent = Recent(batch, labels);
    const int64_t replayed = batch.targets.size(0) - batch.fresh;
    batch.stored_logits_weight = torch::full({}, StoredLogitWeight(replayed, batch.memory));
    batch.form = step < kTeacherFrom ? kUntaught : kTaught;
  }

  torch::Tensor Loss(const StepContext& context, const StepBatch& batch) override {
    torch::Tensor taught;
    context.Beside([&] { taught = Taught(context, batch); });
    const torch::Tensor logits = context.student.Forward(batch.input).logits;
    context.Join();
    context.HandOut(taught);
    const torch::Tensor fresh =
        ClassificationLoss(MaskClasses(logits.narrow(0, 0, batch.fresh), batch.recent), FreshRows(batch));
    const int64_t replayed = logits.size(0) - batch.fresh;
    if (replayed == 0) return fresh;
    const torch::Tensor old = logits.narrow(0, batch.fresh, replayed);
    const torch::Tensor loss = kFreshWeight * fresh + (1 - kFreshWeight) * ClassificationLoss(old, ReplayRows(batch)) +
                               batch.stored_logits_weight * StoredLogitLoss(old, batch);
    if (batch.form == kUntaught) return loss;
    return loss + kDistillation * DistillationLoss(logits, taught, kTemperature);
  }

  std::string Save() const override { return recent_.Save(); }
  Status Load(std::string_view state) override { return state.empty() ? Status::Ok() : recent_.Load(state); }

 private:
  static double StoredLogitWeight(int64_t replayed, uint64_t memory) {
    const double share = static_cast<double>(replayed) / static_cast<double>(std::max<uint64_t>(memory, 1));
    return kStoredLogits * std::min(1.0, share / kOftenDrawn);
  }

  static torch::Tensor Taught(const StepContext& context, const StepBatch& batch) {
    const torch::NoGradGuard no_grad;
    return context.teacher.Forward(batch.input).logits;
  }

  // [labels] bool: what the stream brings at present, this batch included.
  torch::Tensor Recent(const StepBatch& batch, int64_t labels) {
    recent_.Note(batch.number, ListedClasses(FreshRows(batch)));
    const std::vector<bool> recent = recent_.At(batch.number, labels);
    const torch::Tensor allowed = torch::zeros({labels}, torch::kBool);
    for (int64_t i = 0; i < labels; ++i) allowed.data_ptr<bool>()[i] = recent[static_cast<size_t>(i)];
    return allowed;
  }

  RecentClasses recent_{kRecentBatches};
};

}  // namespace

std::unique_ptr<Strategy> MakeDefault() { return std::make_unique<Default>(); }

}  // namespace perennial::trainer
