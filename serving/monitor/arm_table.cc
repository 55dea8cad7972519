#include "serving/monitor/arm_table.h"

#include <utility>

namespace perennial::monitor {

void ArmTable::SetResident(const std::vector<VersionId>& versions) {
  MutexLock lock(mutex_);
  std::vector<updater::ArmCounts> next;
  for (const VersionId version : versions) {
    updater::ArmCounts counts;
    counts.version = version;
    if (const updater::ArmCounts* known = Find(version)) counts = *known;
    next.push_back(counts);
  }
  arms_ = std::move(next);
}

void ArmTable::ResetAll() {
  MutexLock lock(mutex_);
  for (updater::ArmCounts& arm : arms_) {
    updater::ArmCounts fresh;
    fresh.version = arm.version;
    arm = fresh;
  }
}

void ArmTable::CountAnswer(VersionId version, double confidence, double latency_ms) {
  MutexLock lock(mutex_);
  updater::ArmCounts* arm = Find(version);
  if (arm == nullptr) return;
  ++arm->requests;
  arm->confidence_sum += confidence;
  arm->latency_ms_sum += latency_ms;
}

void ArmTable::CountError(VersionId version, bool not_finite) {
  MutexLock lock(mutex_);
  updater::ArmCounts* arm = Find(version);
  if (arm == nullptr) return;
  ++arm->requests;
  ++arm->errors;
  if (not_finite) ++arm->nan_outputs;
}

void ArmTable::CountFeedback(VersionId version, bool correct) {
  MutexLock lock(mutex_);
  updater::ArmCounts* arm = Find(version);
  if (arm == nullptr) return;
  ++arm->feedback;
  if (correct) ++arm->feedback_correct;
}

std::vector<updater::ArmCounts> ArmTable::Counts() const {
  MutexLock lock(mutex_);
  return arms_;
}

updater::ArmCounts* ArmTable::Find(VersionId version) {
  for (updater::ArmCounts& arm : arms_) {
    if (arm.version == version) return &arm;
  }
  return nullptr;
}

}  // namespace perennial::monitor
