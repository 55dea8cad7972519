#include "trainer/memory_training.h"

#include <algorithm>

namespace perennial::trainer {

Status TrainOnMemory(const MemoryTraining& how, Strategy& strategy, replay::ReplayBuffer& memory,
                     const BatchBuilder& builder, const LabelSet& labels, Learner& learner, Rng rng,
                     const std::atomic<bool>& stop) {
  const uint64_t per_pass = (memory.size() + how.batch - 1) / how.batch;
  const uint64_t steps = memory.size() == 0 ? 0 : std::max(how.least_steps, how.passes * per_pass);
  for (uint64_t step = 0; step < steps; ++step) {
    if (stop.load(std::memory_order_relaxed)) return Cancelled("training on the memory was told to stop");
    PERENNIAL_ASSIGN_OR_RETURN(const ReplayDraw drawn, memory.Draw(how.batch, rng));
    PERENNIAL_ASSIGN_OR_RETURN(StepBatch batch, builder.Build({}, drawn, labels, step));
    batch.number = step;
    if (!learner.Step(strategy, batch, step).applied) {
      return FailedPrecondition("training on the memory: loss or gradient was not finite", "lower learning_rate");
    }
  }
  return Status::Ok();
}

}  // namespace perennial::trainer
