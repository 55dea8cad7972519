#pragma once

#include <vector>

#include "storage/base/status.h"
#include "storage/format/sample.h"
#include "trainer/online_trainer.h"

namespace perennial::bench {

// A version that has really learned something, and the held-out samples to ask it about.
struct TrainedVersion {
  trainer::Candidate candidate;
  std::vector<format::Sample> test;
};

// Trains a tiny network on `samples` generated samples of the simulator's first slice, in memory, with the online
// trainer.
Result<TrainedVersion> TrainVersion(uint64_t samples, uint64_t seed);

}  // namespace perennial::bench
