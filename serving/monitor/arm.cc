#include "serving/monitor/arm.h"

namespace perennial::monitor {

void Arm::CountAnswer(double confidence, double latency_ms) {
  confidence_->AddAnswer(confidence);
  MutexLock lock(mutex_);
  ++counts_.requests;
  counts_.confidence_sum += confidence;
  counts_.latency_ms_sum += latency_ms;
}

uint64_t Arm::CountError(bool not_finite) {
  MutexLock lock(mutex_);
  ++counts_.requests;
  if (not_finite) ++counts_.nan_outputs;
  return ++counts_.errors;
}

void Arm::CountFeedback(double confidence, bool correct) {
  confidence_->AddOutcome(confidence, correct);
  MutexLock lock(mutex_);
  ++counts_.feedback;
  if (correct) ++counts_.feedback_correct;
}

updater::ArmCounts Arm::Counts() const {
  MutexLock lock(mutex_);
  return counts_;
}

}  // namespace perennial::monitor
