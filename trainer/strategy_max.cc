#include "trainer/strategy_max.h"

#include "trainer/strategy_default.h"

namespace perennial::trainer {
namespace {

constexpr double kRadius = 0.05;       // r
constexpr double kStoredLogits = 0.7;  // weight of their term

class Max final : public Strategy {
 public:
  std::string_view name() const override { return "max"; }
  bool UsesStoredLogits() const override { return true; }
  double PerturbationRadius() const override { return kRadius; }

  void Prepare(uint64_t step, int64_t labels, StepBatch& batch) override {
    base_->Prepare(step, labels, batch);
    batch.stored_logits_weight = torch::full({}, kStoredLogits);
  }
  torch::Tensor Loss(const StepContext& context, const StepBatch& batch) override {
    return base_->Loss(context, batch);
  }
  std::string Save() const override { return base_->Save(); }
  Status Load(std::string_view state) override { return base_->Load(state); }

 private:
  const std::unique_ptr<Strategy> base_ = MakeDefault();
};

}  // namespace

std::unique_ptr<Strategy> MakeMax() { return std::make_unique<Max>(); }

}  // namespace perennial::trainer
