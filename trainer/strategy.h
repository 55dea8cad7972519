#pragma once

#include <torch/torch.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "serving/model/model.h"
#include "storage/base/ids.h"
#include "storage/base/status.h"
#include "trainer/side_work.h"

namespace perennial::trainer {

// One step's data, new samples first, then replayed ones, in one tensor set so that one forward pass serves both. On
// the CPU until the learner takes it to its device.
struct StepBatch {
  // `images` may be bytes (model::MakePackedBatch): the learner makes floats of them on the device.
  model::ModelInput input;
  torch::Tensor targets;  // [batch] i64
  int64_t fresh = 0;      // rows [0, fresh) are new, the rest is replay
  uint64_t number = 0;    // of the batch of new samples within the stream, from 0; several steps may be on the same one
  torch::Tensor
      mixed_targets;        // [batch] i64, the label of the pasted part (CutMix); undefined when no picture was mixed
  torch::Tensor own_share;  // [batch] f32, weight of `targets`; 1 where unmixed; undefined as above
  uint64_t memory = 0;      // examples that the memory held when the replayed rows were drawn
  // [replayed, labels] f32: what the memory holds of the replayed rows' logits, rounded to binary16. NaN where there is
  // none: the label did not exist yet when they were stored, or the example came without. Undefined unless the strategy
  // UsesStoredLogits and rows are replayed.
  torch::Tensor stored_logits;
  // [replayed] i64: the row of the step before, not ended when this one begins, whose handed-out logits a replayed row
  // has in place of `stored_logits`; -1: none. Undefined: no row has.
  torch::Tensor earlier_rows;
  std::vector<Offset> offsets;  // of the rows, for records
  // Of the learning rate: below 1 where a limit on sources kept rows back (trainer/batch_assembler.h), so that a row
  // counts as in a full batch.
  double rate_factor = 1;

  // What Strategy::Prepare() leaves for Loss().
  torch::Tensor recent;                // [labels] bool; undefined for a strategy that has no use for it
  torch::Tensor stored_logits_weight;  // [] f32, likewise
  int form = 0;                        // which of its forms Loss takes
  // Before this step the student becomes the snapshot; only with Strategy::KeepsSnapshot.
  bool take_snapshot = false;
};

// What a strategy may look at. `average` is the moving average of `student` that may ship, `teacher` the one that
// teaches: slower, or the same network, or the snapshot of a strategy that KeepsSnapshot. They take no gradient.
struct StepContext {
  uint64_t step = 0;  // of the optimiser, from 0: for AfterStep; Loss sees the one it was recorded in
  model::Model& student;
  model::Model& average;
  model::Model& teacher;
  // Where a strategy that UsesStoredLogits leaves the logits of the whole batch; null for the others.
  torch::Tensor* logits_out = nullptr;
  SideWork* side_work = nullptr;  // null: all in one order
  // [batch, labels] f32: the student's, of the forward pass that the loss is made of, or the teacher's. They take no
  // gradient from here.
  void HandOut(const torch::Tensor& logits) const {
    if (logits_out != nullptr) *logits_out = logits.detach();
  }
  // Begins `work` beside what the caller begins next, where the device can. What it makes may be used after Join().
  void Beside(const std::function<void()>& work) const { side_work != nullptr ? side_work->Fork(work) : work(); }
  void Join() const {
    if (side_work != nullptr) side_work->Join();
  }
};

// What Strategy::AdjustGradient may look at: flat buffers in the layout of the learned weights, [learned] f32 on the
// learner's device.
struct GradientContext {
  const torch::Tensor& weights;
  const torch::Tensor& snapshot;              // undefined without KeepsSnapshot
  torch::Tensor& gradient;                    // of Loss; to be changed in place
  const std::vector<torch::Tensor>& records;  // as many as WeightRecords(); to be changed in place
  int64_t rows = 0;                           // of the batch
};

// One continual-learning method: given the new batch, the replay batch and the model, a loss. Strategies live in a file
// pair each and are found by name. Owned by the trainer, called on its thread. Deterministic: any state is in Save().
class Strategy {
 public:
  virtual ~Strategy() = default;
  virtual std::string_view name() const = 0;
  // False: the trainer keeps no memory and a step has new samples only.
  virtual bool UsesReplay() const { return true; }
  // True: the memory keeps logits with its examples. A new sample's are those of the step in which it arrives (dark
  // experience replay: Buzzega et al., NeurIPS 2020); Loss hands out the student's logits of the batch for that.
  virtual bool UsesStoredLogits() const { return false; }
  // True: after a step the replayed rows' stored logits are replaced by those that Loss handed out. Only with
  // UsesStoredLogits.
  virtual bool RefreshesStoredLogits() const { return false; }
  // True: Prepare looks at what AfterStep, or a refresh, of the step before left, so that no step may begin before the
  // last one ended.
  virtual bool WaitsForSteps() const { return RefreshesStoredLogits(); }
  // Above 0: the network does not learn from the stream's steps, which only fill the memory; for each candidate a new
  // one is trained on the memory, so many passes.
  virtual uint64_t PassesOverMemory() const { return 0; }
  // True: StepContext::teacher is no average but the student as it was when Prepare last asked for it
  // (StepBatch::take_snapshot); before that, the random start.
  virtual bool KeepsSnapshot() const { return false; }
  // Above 0: the step takes the gradient found where the weights are moved so far along their gradient, and loses its
  // way to sharp minima by it (sharpness-aware minimisation: Foret et al., ICLR 2021). Loss is called twice a step.
  virtual double PerturbationRadius() const { return 0; }
  // So many buffers the learner keeps for the strategy beside the weights, laid out like them: zero at first and for
  // new outputs, part of the checkpoint.
  virtual size_t WeightRecords() const { return 0; }
  // On the host, once before each step's Loss: whatever of it depends on values and not on shapes becomes a tensor of
  // the batch, or one of few forms. `labels`: the network's. Here goes what changes the strategy's state.
  virtual void Prepare(uint64_t step, int64_t labels, StepBatch& batch);
  // A scalar to minimise. A function of the networks and the batch that looks at no tensor's values and at no state:
  // for one form and the same shapes always the same operations, since on a GPU they are recorded once and replayed
  // (trainer/step_runner.h).
  virtual torch::Tensor Loss(const StepContext& context, const StepBatch& batch) = 0;
  // Once the gradient of Loss is there, before it is clipped: a term whose gradient needs no forward pass, such as a
  // pull towards old weights. Under the rules of Loss; all operations in place.
  virtual void AdjustGradient(const GradientContext& context);
  // The student is about to become the snapshot. `records`: [learned] f32 each, to be changed in place.
  virtual void BeforeSnapshot(const std::vector<torch::Tensor>& records);
  // After the optimiser and the moving average were updated.
  virtual void AfterStep(const StepContext& context, const StepBatch& batch);
  // State for the checkpoint; empty for a strategy without any.
  virtual std::string Save() const { return {}; }
  virtual Status Load(std::string_view state);
};

// kInvalidArgument names the known strategies and the closest one.
Result<std::unique_ptr<Strategy>> MakeStrategy(std::string_view name);
std::vector<std::string> StrategyNames();

}  // namespace perennial::trainer
