#pragma once

#include <cstdint>

namespace perennial::trainer {

// Linear warm-up over the first `warmup_steps` steps, then constant: a stream without an end has no decay to plan.
// `step` counts from 0.
inline double LearningRateAt(uint64_t step, double peak, uint64_t warmup_steps) {
  if (step >= warmup_steps) return peak;
  return peak * static_cast<double>(step + 1) / static_cast<double>(warmup_steps);
}

// Decay of the moving average: short memory at first, so that the average does not carry the random start along.
// `step` counts from 0.
inline double EmaDecayAt(uint64_t step, double decay) {
  const double early = (1.0 + static_cast<double>(step)) / (10.0 + static_cast<double>(step));
  return early < decay ? early : decay;
}

}  // namespace perennial::trainer
