#pragma once

#include <vector>

#include "storage/base/mutex.h"
#include "updater/evidence.h"

namespace perennial::monitor {

// Counts how each resident version does: the numbers behind the engine's Evidence. Answers of versions that are no
// longer resident are dropped. Thread-safe.
class ArmTable {
 public:
  // The versions that count from now on, stable first; those already there keep their counts.
  void SetResident(const std::vector<VersionId>& versions);
  // A trial begins: every resident version counts from zero, so that the arms are compared over the same time.
  void ResetAll();

  void CountAnswer(VersionId version, double confidence, double latency_ms);
  // An answer that was not a prediction through the version's fault.
  void CountError(VersionId version, bool not_finite);
  void CountFeedback(VersionId version, bool correct);

  std::vector<updater::ArmCounts> Counts() const;

 private:
  updater::ArmCounts* Find(VersionId version) REQUIRES_LOCK(mutex_);

  mutable Mutex mutex_;
  std::vector<updater::ArmCounts> arms_ GUARDED_BY(mutex_);
};

}  // namespace perennial::monitor
