#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "serving/model/model.h"
#include "storage/base/hash.h"
#include "storage/base/status.h"
#include "storage/format/model_spec.h"
#include "trainer/device_step.h"
#include "trainer/flat_parameters.h"
#include "trainer/online_trainer.h"
#include "trainer/optimiser.h"
#include "trainer/strategy.h"

namespace perennial::trainer {

// Everything of a learner that is tensors, as bytes on the CPU: what a checkpoint holds.
struct LearnerState {
  FlatLayout layout;
  uint64_t optimiser_steps = 0;
  torch::Tensor weights, average, moment1, moment2;  // [layout.total] f32, CPU
  torch::Tensor teacher;                             // likewise; undefined when the average teaches
  std::vector<torch::Tensor> records;                // likewise; those of the strategy (Strategy::WeightRecords)
};

// The student network, its exponential moving averages (the one that may ship, and the teacher where that is another:
// a slower one, or a strategy's snapshot), the strategy's records and the optimiser, on one device. Made at the first
// batch, when there is a label. Owned by the trainer; thread-compatible.
class Learner {
 public:
  // Takes steps with `strategy` only; null: with any that keeps neither snapshot nor records.
  static Result<std::unique_ptr<Learner>> Build(const TrainerOptions& options, int64_t labels,
                                                const Strategy* strategy = nullptr);
  // Records of another number than the strategy's start anew.
  static Result<std::unique_ptr<Learner>> Restore(const TrainerOptions& options, int64_t labels,
                                                  const LearnerState& state, const Strategy* strategy = nullptr);

  // More outputs for new labels; what was learned, the moments included, stays.
  void Grow(int64_t labels);
  using StepResult = trainer::StepResult;
  // Forward, backward, clipping, optimiser, moving average; step counts from 0. `batch` on the CPU.
  StepResult Step(Strategy& strategy, const StepBatch& batch, uint64_t step);
  // The same in two parts, so that on a GPU the next batch is made meanwhile. Between them nothing else may be called
  // but, where MayRunAhead() says so, one more Begin(); Finish() ends the first that was begun.
  void Begin(Strategy& strategy, StepBatch batch, uint64_t step);
  StepResult Finish(Strategy& strategy);
  // Begin() returns before the step is done.
  bool asynchronous() const { return device_step_ != nullptr; }
  // Whether a step can begin before it is known how the one before ended: its rates do not depend on it, nor does the
  // strategy.
  bool MayRunAhead(const Strategy& strategy) const {
    return asynchronous() && !strategy.WaitsForSteps() && options_.optimiser == "sgd" && options_.warmup_steps == 0;
  }
  // Whether batches may come with their pictures as bytes.
  static bool TakesPacked(const TrainerOptions& options);
  uint64_t recordings() const { return device_step_ == nullptr ? 0 : device_step_->recordings(); }

  model::Model& student() { return *student_; }
  model::Model& average() { return *average_.model; }
  model::Model& teacher() { return teacher_ ? *teacher_->model : *average_.model; }
  int64_t label_count() const { return student_->label_count(); }
  // A copy; on a GPU the one transfer.
  LearnerState State() const;

 private:
  using Network = std::shared_ptr<model::Model>;
  // A network whose weights follow the student's.
  struct Average {
    Average(Network network, bool channels_last) : model(std::move(network)), parameters(*model, false, channels_last) {
      model->eval();
    }
    Network model;
    FlatParameters parameters;
  };
  Learner(const TrainerOptions& options, Network student, Network average, Network teacher, size_t records);
  StepResult StepOnHost(Strategy& strategy, StepBatch batch, uint64_t step);
  // The gradient becomes that found further up (Strategy::PerturbationRadius).
  void LookFurtherUp(Strategy& strategy, const StepContext& context, const StepBatch& batch);
  void TakeSnapshot(Strategy& strategy);
  StepParts Parts();

  const TrainerOptions options_;
  const Network student_;
  FlatParameters weights_;
  Average average_;
  std::optional<Average> teacher_;
  const std::unique_ptr<Optimiser> optimiser_;
  std::vector<torch::Tensor> records_;  // [total] f32 each, laid out as the weights
  struct Begun {
    StepBatch batch;
    uint64_t step;
  };
  std::deque<Begun> begun_;  // on the device
  StepResult on_host_;
  std::unique_ptr<DeviceStep> device_step_;  // null: steps run on the host
};

}  // namespace perennial::trainer
