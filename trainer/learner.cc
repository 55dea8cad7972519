#include "trainer/learner.h"

#include <cmath>
#include <utility>

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
  return Status::Ok();
}

}  // namespace

Learner::Learner(const TrainerOptions& options, Network student, Network average, Network teacher)
    : options_(options),
      student_(std::move(student)),
      weights_(*student_, true),
      average_(std::move(average)),
      optimiser_(MakeOptimiser(weights_, options)) {
  if (teacher != nullptr) teacher_.emplace(std::move(teacher));
  student_->train();
}

Result<std::unique_ptr<Learner>> Learner::Build(const TrainerOptions& options, int64_t labels) {
  // The same seed each time: averages start as the student.
  const torch::Device device(options.device);
  const bool has_teacher = options.teacher_decay > 0 && options.teacher_decay != options.ema_decay;
  std::vector<Network> networks(has_teacher ? 3 : 2);
  for (Network& network : networks) {
    PERENNIAL_ASSIGN_OR_RETURN(network, model::BuildModel(options.spec, labels, options.seed));
    network->to(device);
  }
  return std::unique_ptr<Learner>(new Learner(options, networks[0], networks[1], has_teacher ? networks[2] : nullptr));
}

Result<std::unique_ptr<Learner>> Learner::Restore(const TrainerOptions& options, int64_t labels,
                                                  const LearnerState& state) {
  PERENNIAL_RETURN_IF_ERROR(CheckSizes(state));
  PERENNIAL_ASSIGN_OR_RETURN(auto learner, Build(options, labels));
  if (learner->weights_.layout() != state.layout) {
    return FailedPrecondition("the checkpoint was made by a network with other parameters than this spec builds",
                              "start the hub with the model size it was trained with, or with an empty data folder");
  }
  const torch::NoGradGuard no_grad;
  learner->weights_.values().copy_(state.weights);
  learner->average_.parameters.values().copy_(state.average);
  // A checkpoint from before the teacher was an average of its own: it starts as the other.
  if (learner->teacher_) {
    learner->teacher_->parameters.values().copy_(state.teacher.defined() ? state.teacher : state.average);
  }
  learner->optimiser_->Restore(state.optimiser_steps, state.moment1, state.moment2);
  return learner;
}

void Learner::Grow(int64_t labels) {
  const torch::NoGradGuard no_grad;
  const uint64_t seed = options_.seed + static_cast<uint64_t>(label_count());
  student_->GrowLabels(labels, seed);
  for (Average* average : {&average_, teacher_ ? &*teacher_ : nullptr}) {
    if (average == nullptr) continue;
    average->model->GrowLabels(labels, seed);
    average->parameters.Rebind();
  }
  const FlatLayout before = weights_.Rebind();
  optimiser_->Grow(before, weights_);
}

Learner::StepResult Learner::Step(Strategy& strategy, const StepBatch& batch, uint64_t step) {
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
  const double rate = LearningRateAt(optimiser_->steps(), options_.learning_rate, options_.warmup_steps);
  result.applied = std::isfinite(optimiser_->Step(weights_, rate));
  if (!result.applied) return unchanged();
  {
    const torch::NoGradGuard no_grad;
    average_.parameters.values().lerp_(weights_.values(), 1 - EmaDecayAt(step, options_.ema_decay));
    if (teacher_) teacher_->parameters.values().lerp_(weights_.values(), 1 - EmaDecayAt(step, options_.teacher_decay));
  }
  strategy.AfterStep(context, batch);
  return result;
}

LearnerState Learner::State() const {
  LearnerState state;
  state.layout = weights_.layout();
  state.optimiser_steps = optimiser_->steps();
  // clone(): the state must not change under a later step.
  state.weights = weights_.values().to(torch::kCPU).clone();
  state.average = average_.parameters.values().to(torch::kCPU).clone();
  if (teacher_) state.teacher = teacher_->parameters.values().to(torch::kCPU).clone();
  state.moment1 = optimiser_->moment1().to(torch::kCPU).clone();
  state.moment2 = optimiser_->moment2().to(torch::kCPU).clone();
  return state;
}

}  // namespace perennial::trainer
