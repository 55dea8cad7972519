#pragma once

#include "trainer/service.h"

namespace perennial::trainer {

// What another thread asked for. Its answer is protected by the service's mutex.
struct TrainerService::Request {
  enum class Kind : uint8_t { kCheckpoint, kPublish } kind = Kind::kCheckpoint;
  bool done = false;
  Status status;
  EvaluationRecord record;  // kPublish
};

// An accepted candidate that waits for the sink.
struct TrainerService::PendingOffer {
  Candidate candidate;
  EvaluationRecord record;
  VersionId predecessor;    // that the gate compared it with
  SteadyTime not_before{};  // after an error of the sink
};

}  // namespace perennial::trainer
