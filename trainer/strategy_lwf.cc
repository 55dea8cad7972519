#include "trainer/strategy_lwf.h"

#include <algorithm>

#include "storage/base/bytes.h"
#include "trainer/loss.h"
#include "trainer/snapshot_rule.h"

namespace perennial::trainer {
namespace {

constexpr double kTemperature = 2.0;                // T
constexpr double kDistillation = 1.0;               // d
constexpr uint64_t kWindow = 100, kLongest = 1000;  // batches
constexpr uint64_t kMostClasses = 1u << 20;

class Lwf final : public Strategy {
 public:
  std::string_view name() const override { return "lwf"; }
  bool UsesReplay() const override { return false; }
  bool KeepsSnapshot() const override { return true; }

  // The form is the number of classes that the snapshot knew: those that come later have outputs in it, but random
  // ones.
  void Prepare(uint64_t, int64_t, StepBatch& batch) override {
    batch.take_snapshot = rule_.Due(batch.number, ListedClasses(FreshRows(batch)));
    if (batch.take_snapshot) known_ = met_;
    met_ = std::max(met_, Highest(batch) + 1);
    batch.form = static_cast<int>(known_);
  }

  torch::Tensor Loss(const StepContext& context, const StepBatch& batch) override {
    const torch::Tensor logits = context.student.Forward(batch.input).logits;
    const torch::Tensor loss = ClassificationLoss(logits, AllRows(batch));
    if (batch.form == 0) return loss;
    return loss + kDistillation * DistillationLoss(logits.narrow(1, 0, batch.form),
                                                   Remembered(context, batch).narrow(1, 0, batch.form), kTemperature);
  }

  std::string Save() const override {
    ByteWriter out;
    out.Varint(known_);
    out.Varint(met_);
    out.Bytes(rule_.Save());
    return out.Take();
  }

  Status Load(std::string_view state) override {
    if (state.empty()) return Status::Ok();
    ByteReader in(state);
    const uint64_t known = in.Varint(), met = in.Varint();
    const std::string_view rule = in.Bytes();
    if (in.ok() && (known > met || met > kMostClasses)) in.Fail();
    PERENNIAL_RETURN_IF_ERROR(in.Finish("state of strategy lwf"));
    PERENNIAL_RETURN_IF_ERROR(rule_.Load(rule));
    known_ = known;
    met_ = met;
    return Status::Ok();
  }

 private:
  // Of the batch's classes; labels are numbered as they come, so those that were met are the first ones.
  static uint64_t Highest(const StepBatch& batch) {
    uint64_t highest = 0;
    for (const int64_t one : ListedClasses(AllRows(batch))) highest = std::max(highest, static_cast<uint64_t>(one));
    return highest;
  }

  // [batch, labels] f32, no gradient.
  static torch::Tensor Remembered(const StepContext& context, const StepBatch& batch) {
    const torch::NoGradGuard no_grad;
    return context.teacher.Forward(batch.input).logits;
  }

  SnapshotRule rule_{kWindow, kLongest};
  uint64_t known_ = 0;  // classes, to the snapshot
  uint64_t met_ = 0;    // classes, so far
};

}  // namespace

std::unique_ptr<Strategy> MakeLwf() { return std::make_unique<Lwf>(); }

}  // namespace perennial::trainer
