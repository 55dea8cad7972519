#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "trainer/strategy.h"

namespace perennial::trainer {

// Another strategy, as it is: the base of one that watches or disturbs it.
class WrappedStrategy : public Strategy {
 public:
  explicit WrappedStrategy(std::unique_ptr<Strategy> inner) : inner_(std::move(inner)) {}
  std::string_view name() const override { return inner_->name(); }
  bool UsesReplay() const override { return inner_->UsesReplay(); }
  bool UsesStoredLogits() const override { return inner_->UsesStoredLogits(); }
  bool RefreshesStoredLogits() const override { return inner_->RefreshesStoredLogits(); }
  bool WaitsForSteps() const override { return inner_->WaitsForSteps(); }
  uint64_t PassesOverMemory() const override { return inner_->PassesOverMemory(); }
  bool KeepsSnapshot() const override { return inner_->KeepsSnapshot(); }
  double PerturbationRadius() const override { return inner_->PerturbationRadius(); }
  size_t WeightRecords() const override { return inner_->WeightRecords(); }
  void Prepare(uint64_t step, int64_t labels, StepBatch& batch) override { inner_->Prepare(step, labels, batch); }
  torch::Tensor Loss(const StepContext& context, const StepBatch& batch) override {
    return inner_->Loss(context, batch);
  }
  void AdjustGradient(const GradientContext& context) override { inner_->AdjustGradient(context); }
  void BeforeSnapshot(const std::vector<torch::Tensor>& records) override { inner_->BeforeSnapshot(records); }
  void AfterStep(const StepContext& context, const StepBatch& batch) override { inner_->AfterStep(context, batch); }
  std::string Save() const override { return inner_->Save(); }
  Status Load(std::string_view state) override { return inner_->Load(state); }

 private:
  const std::unique_ptr<Strategy> inner_;
};

}  // namespace perennial::trainer
