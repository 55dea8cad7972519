#include "trainer/learner.h"

#include <cmath>
#include <utility>

#include "serving/model/preprocess.h"
#include "trainer/perturbation.h"
#include "trainer/schedule.h"

namespace perennial::trainer {
namespace {

Status CheckSizes(const LearnerState& state) {
  for (const torch::Tensor* tensor : {&state.weights, &state.average, &state.moment1, &state.moment2, &state.teacher}) {
    if (tensor == &state.teacher && !tensor->defined()) continue;
    if (tensor->numel() != state.layout.total) {
      return Corruption("checkpoint holds " + std::to_string(tensor->numel()) + " values where its layout has " +
                        std::to_string(state.layout.total));
    }
  }
  for (const torch::Tensor& record : state.records) {
    if (record.numel() != state.layout.total) return Corruption("checkpoint holds a record of another layout");
  }
  return Status::Ok();
}

bool OnDevice(const TrainerOptions& options) {
  return options.step == "device" || options.step == "graph" || (options.step == "auto" && options.device != "cpu");
}

// How convolutions lie in memory: on CUDA with channels last unless in 32 bits (H100: 55 steps of a ResNet-18
// a second with rows last, 52 with channels last). Never on a CPU: oneDNN of Debian 12 writes behind the gradient of a
// channels-last weight of few channels.
bool ChannelsLast(const TrainerOptions& options) {
  return OnDevice(options) && options.device != "cpu" && options.precision != "float32";
}

// Of the process: LibTorch knows no narrower place for it. With bfloat16, what stays in 32 bits is small.
void SetPrecision(const TrainerOptions& options) {
  if (options.device == "cpu") return;
  at::globalContext().setAllowTF32CuDNN(options.precision != "float32");
  at::globalContext().setAllowTF32CuBLAS(options.precision != "float32");
}

StepBatch ToDevice(StepBatch batch, torch::Device device) {
  batch.input.images = model::UnpackImages(batch.input.images).contiguous();
  if (device.is_cpu()) return batch;
  for (torch::Tensor* tensor :
       {&batch.input.images, &batch.input.has_image, &batch.input.tokens, &batch.input.has_text, &batch.targets,
        &batch.mixed_targets, &batch.own_share, &batch.stored_logits, &batch.recent, &batch.stored_logits_weight}) {
    if (tensor->defined()) *tensor = tensor->to(device);
  }
  return batch;
}

}  // namespace

bool Learner::TakesPacked(const TrainerOptions& options) { return OnDevice(options); }

Learner::Learner(const TrainerOptions& options, Network student, Network average, Network teacher, size_t records)
    : options_(options),
      student_(std::move(student)),
      weights_(*student_, true, ChannelsLast(options)),
      average_(std::move(average), ChannelsLast(options)),
      optimiser_(MakeOptimiser(weights_, options)) {
  if (teacher != nullptr) teacher_.emplace(std::move(teacher), ChannelsLast(options));
  for (size_t i = 0; i < records; ++i) records_.push_back(torch::zeros_like(weights_.values()));
  student_->train();
  SetPrecision(options_);
  if (OnDevice(options)) device_step_ = std::make_unique<DeviceStep>(options_, torch::Device(options_.device));
}

Result<std::unique_ptr<Learner>> Learner::Build(const TrainerOptions& options, int64_t labels,
                                                const Strategy* strategy) {
  // The same seed each time: averages start as the student.
  const torch::Device device(options.device);
  const bool has_teacher = (strategy != nullptr && strategy->KeepsSnapshot()) ||
                           (options.teacher_decay > 0 && options.teacher_decay != options.ema_decay);
  std::vector<Network> networks(has_teacher ? 3 : 2);
  for (Network& network : networks) {
    PERENNIAL_ASSIGN_OR_RETURN(network, model::BuildModel(options.spec, labels, options.seed));
    network->to(device);
  }
  return std::unique_ptr<Learner>(new Learner(options, networks[0], networks[1], has_teacher ? networks[2] : nullptr,
                                              strategy == nullptr ? 0 : strategy->WeightRecords()));
}

Result<std::unique_ptr<Learner>> Learner::Restore(const TrainerOptions& options, int64_t labels,
                                                  const LearnerState& state, const Strategy* strategy) {
  PERENNIAL_RETURN_IF_ERROR(CheckSizes(state));
  PERENNIAL_ASSIGN_OR_RETURN(auto learner, Build(options, labels, strategy));
  if (learner->weights_.layout() != state.layout) {
    return FailedPrecondition("the checkpoint was made by a network with other parameters than this spec builds",
                              "start the hub with the model size it was trained with, or with an empty data folder");
  }
  const torch::NoGradGuard no_grad;
  const FlatParameters& flat = learner->weights_;
  flat.Import(state.weights, learner->weights_.values());
  flat.Import(state.average, learner->average_.parameters.values());
  // A checkpoint from before the teacher was an average of its own: it starts as the other.
  if (learner->teacher_) {
    flat.Import(state.teacher.defined() ? state.teacher : state.average, learner->teacher_->parameters.values());
  }
  torch::Tensor moment1 = torch::empty_like(flat.values()), moment2 = torch::empty_like(flat.values());
  flat.Import(state.moment1, moment1);
  flat.Import(state.moment2, moment2);
  learner->optimiser_->Restore(state.optimiser_steps, moment1, moment2);
  if (state.records.size() == learner->records_.size()) {
    for (size_t i = 0; i < state.records.size(); ++i) flat.Import(state.records[i], learner->records_[i]);
  }
  if (learner->device_step_) learner->device_step_->Forget();
  return learner;
}

void Learner::Grow(int64_t labels) {
  const torch::NoGradGuard no_grad;
  if (device_step_) device_step_->Forget();
  const uint64_t seed = options_.seed + static_cast<uint64_t>(label_count());
  student_->GrowLabels(labels, seed);
  for (Average* average : {&average_, teacher_ ? &*teacher_ : nullptr}) {
    if (average == nullptr) continue;
    average->model->GrowLabels(labels, seed);
    average->parameters.Rebind();
  }
  const FlatLayout before = weights_.Rebind();
  optimiser_->Grow(before, weights_);
  for (torch::Tensor& record : records_) {
    torch::Tensor grown = torch::zeros_like(weights_.values());
    CopyShared(before, record, weights_.layout(), grown);
    record = grown;
  }
  if (device_step_) device_step_->Forget();
}

StepParts Learner::Parts() {
  return {weights_,
          average_.parameters,
          teacher_ ? &teacher_->parameters : nullptr,
          records_,
          *optimiser_,
          *student_,
          average(),
          teacher()};
}

void Learner::TakeSnapshot(Strategy& strategy) {
  TORCH_CHECK(teacher_.has_value(), "the learner was built for a strategy without a snapshot");
  const torch::NoGradGuard no_grad;
  if (device_step_) device_step_->WaitForDevice();
  strategy.BeforeSnapshot(LearnedParts(records_, weights_));
  teacher_->parameters.values().copy_(weights_.values());
  if (device_step_) device_step_->WaitForDevice();
}

void Learner::Begin(Strategy& strategy, StepBatch batch, uint64_t step) {
  TORCH_CHECK(records_.size() == strategy.WeightRecords(), "the learner was built for another strategy");
  strategy.Prepare(step, label_count(), batch);
  if (batch.take_snapshot) TakeSnapshot(strategy);
  if (device_step_ == nullptr) {
    on_host_ = StepOnHost(strategy, std::move(batch), step);
    return;
  }
  device_step_->Begin(Parts(), strategy, batch, step);
  begun_.push_back({std::move(batch), step});
}

Learner::StepResult Learner::Finish(Strategy& strategy) {
  if (device_step_ == nullptr) return std::move(on_host_);
  const Begun begun = std::move(begun_.front());
  begun_.pop_front();
  StepResult result = device_step_->Finish();
  if (!result.applied) return result;
  optimiser_->NoteApplied();
  strategy.AfterStep(StepContext{begun.step, *student_, average(), teacher()}, begun.batch);
  return result;
}

Learner::StepResult Learner::Step(Strategy& strategy, const StepBatch& batch, uint64_t step) {
  Begin(strategy, batch, step);
  return Finish(strategy);
}

Learner::StepResult Learner::StepOnHost(Strategy& strategy, StepBatch on_cpu, uint64_t step) {
  const StepBatch batch = ToDevice(std::move(on_cpu), weights_.values().device());
  StepResult result;
  const StepContext context{step, *student_, average(), teacher(),
                            strategy.UsesStoredLogits() ? &result.logits : nullptr};
  weights_.ZeroGradients();
  // The forward pass moves them before it is known whether the step counts.
  const torch::Tensor statistics = weights_.statistics().clone();
  const auto unchanged = [&] {
    const torch::NoGradGuard no_grad;
    weights_.statistics().copy_(statistics);
    return result;
  };
  const torch::Tensor loss = strategy.Loss(context, batch);
  if (result.logits.defined()) result.logits = result.logits.to(torch::kCPU, torch::kFloat32).contiguous();
  result.loss = loss.item<double>();
  if (!std::isfinite(result.loss)) return unchanged();
  loss.backward();
  if (strategy.PerturbationRadius() > 0) LookFurtherUp(strategy, context, batch);
  AdjustGradient(strategy, Parts(), batch.targets.size(0));
  const double rate =
      LearningRateAt(optimiser_->steps(), options_.learning_rate, options_.warmup_steps) * batch.rate_factor;
  result.applied = std::isfinite(optimiser_->Step(weights_, rate));
  if (!result.applied) return unchanged();
  {
    const torch::NoGradGuard no_grad;
    average_.parameters.values().lerp_(weights_.values(), 1 - EmaDecayAt(step, options_.ema_decay));
    if (teacher_ && !strategy.KeepsSnapshot()) {
      teacher_->parameters.values().lerp_(weights_.values(), 1 - EmaDecayAt(step, options_.teacher_decay));
    }
  }
  strategy.AfterStep(context, batch);
  return result;
}

void Learner::LookFurtherUp(Strategy& strategy, const StepContext& context, const StepBatch& batch) {
  const Perturbation further_up(weights_, strategy.PerturbationRadius());
  weights_.ZeroGradients();
  strategy.Loss(StepContext{context.step, context.student, context.average, context.teacher}, batch).backward();
}

LearnerState Learner::State() const {
  LearnerState state;
  state.layout = weights_.layout();
  state.optimiser_steps = optimiser_->steps();
  // Copies: the state must not change under a later step.
  state.weights = weights_.Export(weights_.values());
  state.average = weights_.Export(average_.parameters.values());
  if (teacher_) state.teacher = weights_.Export(teacher_->parameters.values());
  for (const torch::Tensor& record : records_) state.records.push_back(weights_.Export(record));
  state.moment1 = weights_.Export(optimiser_->moment1());
  state.moment2 = weights_.Export(optimiser_->moment2());
  return state;
}

}  // namespace perennial::trainer
