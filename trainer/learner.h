#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "serving/model/model.h"
#include "storage/base/hash.h"
#include "storage/base/status.h"
#include "storage/format/model_spec.h"
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
};

// The student network, its exponential moving averages (the one that may ship, and the teacher where that is another)
// and the optimiser, on one device. Made at the first batch, when there is a label. Owned by the trainer;
// thread-compatible.
class Learner {
 public:
  static Result<std::unique_ptr<Learner>> Build(const TrainerOptions& options, int64_t labels);
  static Result<std::unique_ptr<Learner>> Restore(const TrainerOptions& options, int64_t labels,
                                                  const LearnerState& state);

  // More outputs for new labels; what was learned, the moments included, stays.
  void Grow(int64_t labels);
  struct StepResult {
    double loss = 0;
    bool applied = false;  // false: loss or gradient was not finite, and nothing changed
    torch::Tensor logits;  // [batch, labels] f32, CPU: what the strategy handed out; undefined when it stores none
  };
  // Forward, backward, clipping, optimiser, moving average; step counts from 0.
  StepResult Step(Strategy& strategy, const StepBatch& batch, uint64_t step);

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
    explicit Average(Network network) : model(std::move(network)), parameters(*model, false) { model->eval(); }
    Network model;
    FlatParameters parameters;
  };
  Learner(const TrainerOptions& options, Network student, Network average, Network teacher);

  const TrainerOptions options_;
  const Network student_;
  FlatParameters weights_;
  Average average_;
  std::optional<Average> teacher_;
  const std::unique_ptr<Optimiser> optimiser_;
};

}  // namespace perennial::trainer
