#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <memory>

#include "trainer/flat_parameters.h"
#include "trainer/online_trainer.h"

namespace perennial::trainer {

// One rule that turns gradients into a change of the weights, over the flat buffers. The gradient is first scaled to at
// most `max_gradient_norm` (0: never). What it remembers are two buffers like the weights, part of every checkpoint; a
// rule that needs fewer leaves them zero. Thread-compatible.
class Optimiser {
 public:
  Optimiser(const FlatParameters& parameters, double max_gradient_norm);
  virtual ~Optimiser() = default;

  // Returns the gradient's norm before clipping. A norm that is not finite changes nothing.
  double Step(FlatParameters& parameters, double learning_rate);

  // The same without a look at any value, for DeviceStep: tensors on the parameters' device.
  //   rates: what NextRates() wrote, first; norm: [] f32, of the gradient; applied: [] bool, false: nothing changes.
  // Whether the step counts is known later: then call NoteApplied().
  void StepOnDevice(FlatParameters& parameters, const torch::Tensor& rates, const torch::Tensor& norm,
                    const torch::Tensor& applied);
  void NoteApplied() { ++steps_; }
  static constexpr int64_t kRates = 3;
  // Of the next step, to out[0 .. kRates).
  virtual void NextRates(double learning_rate, float* out) const;

  // After parameters.Rebind(): carries the moments of what was there before; new rows start at zero.
  void Grow(const FlatLayout& before, const FlatParameters& parameters);

  uint64_t steps() const { return steps_; }
  const torch::Tensor& moment1() const { return moment1_; }
  const torch::Tensor& moment2() const { return moment2_; }
  // From a checkpoint; shapes as the present ones.
  void Restore(uint64_t steps, const torch::Tensor& moment1, const torch::Tensor& moment2);

 protected:
  // One step with gradients that are to be multiplied by `scale`; steps_ counts it already. No gradient is recorded.
  virtual void Apply(FlatParameters& parameters, double learning_rate, double scale) = 0;
  // factor: [] f32, 1 or 0; with 0 the gradients are zero, and nothing may change.
  virtual void ApplyOnDevice(FlatParameters& parameters, const torch::Tensor& rates, const torch::Tensor& factor) = 0;

  uint64_t steps_ = 0;
  torch::Tensor moment1_;  // [total] f32
  torch::Tensor moment2_;  // [total] f32

 private:
  double GradientNorm(FlatParameters& parameters) const;

  const double max_gradient_norm_;
};

// The one that the options name.
std::unique_ptr<Optimiser> MakeOptimiser(const FlatParameters& parameters, const TrainerOptions& options);

}  // namespace perennial::trainer
