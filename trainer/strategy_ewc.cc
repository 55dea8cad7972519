#include "trainer/strategy_ewc.h"

#include "trainer/loss.h"
#include "trainer/snapshot_rule.h"

namespace perennial::trainer {
namespace {

constexpr double kStrength = 1000;                  // l
constexpr double kStrongest = 2;                    // of the pull
constexpr double kFisherDecay = 0.9;                // from snapshot to snapshot
constexpr double kPresentShare = 0.01;              // of a step in G
constexpr uint64_t kWindow = 100, kLongest = 1000;  // batches
// The records.
constexpr size_t kFisher = 0;   // F
constexpr size_t kPresent = 1;  // G

class Ewc final : public Strategy {
 public:
  std::string_view name() const override { return "ewc"; }
  bool UsesReplay() const override { return false; }
  bool KeepsSnapshot() const override { return true; }
  size_t WeightRecords() const override { return 2; }

  void Prepare(uint64_t, int64_t, StepBatch& batch) override {
    batch.take_snapshot = rule_.Due(batch.number, ListedClasses(FreshRows(batch)));
  }

  torch::Tensor Loss(const StepContext& context, const StepBatch& batch) override {
    return ClassificationLoss(context.student.Forward(batch.input).logits, AllRows(batch));
  }

  void AdjustGradient(const GradientContext& context) override {
    // A step that is not finite changes nothing.
    const torch::Tensor share = context.gradient.isfinite().all().to(torch::kFloat32) * kPresentShare;
    const torch::Tensor squared =
        torch::nan_to_num(context.gradient.square() * static_cast<double>(context.rows), 0.0, 0.0, 0.0);
    torch::Tensor(context.records[kPresent]).lerp_(squared, share);
    const torch::Tensor pull = context.records[kFisher] * kStrength;
    context.gradient.add_(pull / (1 + pull / kStrongest) * (context.weights - context.snapshot));
  }

  void BeforeSnapshot(const std::vector<torch::Tensor>& records) override {
    torch::Tensor(records[kFisher]).mul_(kFisherDecay).add_(records[kPresent]);
  }

  std::string Save() const override { return rule_.Save(); }
  Status Load(std::string_view state) override { return state.empty() ? Status::Ok() : rule_.Load(state); }

 private:
  SnapshotRule rule_{kWindow, kLongest};
};

}  // namespace

std::unique_ptr<Strategy> MakeEwc() { return std::make_unique<Ewc>(); }

}  // namespace perennial::trainer
