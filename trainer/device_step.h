#pragma once

#include <torch/torch.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "trainer/flat_parameters.h"
#include "trainer/online_trainer.h"
#include "trainer/optimiser.h"
#include "trainer/step_runner.h"
#include "trainer/strategy.h"

namespace perennial::trainer {

// What a step works on. Borrowed from the learner.
struct StepParts {
  FlatParameters& weights;
  FlatParameters& average;
  FlatParameters* teacher;                    // null: the average teaches
  const std::vector<torch::Tensor>& records;  // the strategy's: [total] f32 each
  Optimiser& optimiser;
  model::Model& student;
  model::Model& average_model;
  model::Model& teacher_model;
};

// The part of each record that is of the learned weights: [learned] f32, views.
std::vector<torch::Tensor> LearnedParts(const std::vector<torch::Tensor>& records, const FlatParameters& weights);
// Strategy::AdjustGradient on what the parts hold, for a batch of `rows`.
void AdjustGradient(Strategy& strategy, const StepParts& parts, int64_t rows);

struct StepResult {
  double loss = 0;
  bool applied = false;  // false: loss or gradient was not finite, and nothing changed
  torch::Tensor logits;  // [batch, labels] f32, CPU: what the strategy handed out; undefined when it stores none
};

// Steps of which nothing waits for the device: forward, backward, clipping, optimiser and moving averages are begun,
// and what depends on values (is the gradient finite, how much is clipped, the rates of this step) is a factor on the
// device. So batches of one shape are one sequence of operations: once a shape has come a few times it is recorded and
// from then on replayed. At most one step is under way. On the CPU the same operations run at once. Thread-compatible.
class DeviceStep {
 public:
  DeviceStep(const TrainerOptions& options, torch::Device device);
  ~DeviceStep();

  // `batch` on the CPU and prepared by the strategy; step counts from 0. What `parts` names must stay until Forget().
  void Begin(const StepParts& parts, Strategy& strategy, const StepBatch& batch, uint64_t step);
  // Waits for the step that was begun. The caller tells the optimiser.
  StepResult Finish();
  bool under_way() const { return current_ != nullptr; }
  // Between steps: before others write what the steps read, and after.
  void WaitForDevice();
  // Parameters moved, or somebody else wrote them: recordings are dropped, and the device's other work is waited for.
  void Forget();
  uint64_t recordings() const { return recordings_; }  // made so far

 private:
  struct Slot;
  struct Networks;
  // What the steps compute with, made when first needed.
  Networks& NetworksOf(const StepParts& parts);
  Slot& SlotFor(const StepBatch& batch, int64_t labels, bool hands_out);
  void Body(const StepParts& parts, Strategy& strategy, uint64_t step, Slot& slot);
  // Forward and backward; gradients go to the flat buffer. Returns the loss, [] f32.
  torch::Tensor Gradients(Strategy& strategy, const StepContext& context, const StepBatch& batch);

  const TrainerOptions& options_;
  const torch::Device device_;
  const bool records_;
  const std::unique_ptr<StepRunner> runner_;
  std::unique_ptr<Networks> networks_;
  std::vector<std::unique_ptr<Slot>> slots_;  // the latest used last
  Slot* current_ = nullptr;                   // of the step under way
  uint64_t recordings_ = 0;
};

}  // namespace perennial::trainer
