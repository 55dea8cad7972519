#pragma once

#include <torch/torch.h>

#include <deque>
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
// from then on replayed. A step may begin while the one before is under way, so that the device need not wait for the
// host in between. On the CPU the same operations run at once. Thread-compatible.
class DeviceStep {
 public:
  DeviceStep(const TrainerOptions& options, torch::Device device);
  ~DeviceStep();

  // `batch` on the CPU and prepared by the strategy; step counts from 0. What `parts` names must stay until Forget().
  // REQUIRES that at most one step is under way.
  void Begin(const StepParts& parts, Strategy& strategy, const StepBatch& batch, uint64_t step);
  // Waits for the first of the steps under way. The caller tells the optimiser.
  StepResult Finish();
  // Between steps: before others write what the steps read, and after.
  void WaitForDevice();
  // Parameters moved, or somebody else wrote them: recordings are dropped, and the device's other work is waited for.
  // REQUIRES that no step is under way.
  void Forget();
  uint64_t recordings() const { return recordings_; }  // made so far

 private:
  struct Slot;
  struct Networks;
  // A step that has begun.
  struct Flight {
    uint64_t mark;
    torch::Tensor results;  // [2 + rows * labels] f32, pinned: there once the mark is reached
    int64_t rows, labels;   // 0: no logits
  };
  // What the steps compute with, made when first needed.
  Networks& NetworksOf(const StepParts& parts);
  // Room for the handed-out logits of `rows` rows.
  void MakeRoom(int64_t rows, int64_t labels);
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
  std::deque<Flight> flights_;                // steps under way
  torch::Tensor handed_out_;                  // [rows, labels] f32, device: logits of the last step, as they are stored
  uint64_t recordings_ = 0;
};

}  // namespace perennial::trainer
