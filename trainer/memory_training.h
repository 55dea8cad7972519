#pragma once

#include <atomic>
#include <cstdint>

#include "replay/replay_buffer.h"
#include "storage/base/rng.h"
#include "storage/base/status.h"
#include "trainer/batch_builder.h"
#include "trainer/label_set.h"
#include "trainer/learner.h"
#include "trainer/strategy.h"

namespace perennial::trainer {

struct MemoryTraining {
  size_t batch = 74;
  uint64_t passes = 1;       // over the memory
  uint64_t least_steps = 0;  // more passes when that many would take fewer steps
};

// Trains `learner` on batches drawn from the memory alone; step numbers count from 0. kFailedPrecondition when loss or
// gradient is not finite, kCancelled soon after `stop` is set by another thread. On the caller's thread.
Status TrainOnMemory(const MemoryTraining& how, Strategy& strategy, replay::ReplayBuffer& memory,
                     const BatchBuilder& builder, const LabelSet& labels, Learner& learner, Rng rng,
                     const std::atomic<bool>& stop);

}  // namespace perennial::trainer
