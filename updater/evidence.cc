#include "updater/evidence.h"

namespace perennial::updater {

ArmCounts& ArmCounts::operator+=(const ArmCounts& other) {
  requests += other.requests;
  errors += other.errors;
  nan_outputs += other.nan_outputs;
  feedback += other.feedback;
  feedback_correct += other.feedback_correct;
  confidence_sum += other.confidence_sum;
  latency_ms_sum += other.latency_ms_sum;
  return *this;
}

}  // namespace perennial::updater
