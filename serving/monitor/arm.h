#pragma once

#include <cstdint>
#include <memory>

#include "serving/monitor/confidence.h"
#include "storage/base/mutex.h"
#include "updater/evidence.h"

namespace perennial::monitor {

// How one version does over one span of time: from the begin of a trial, or from when it became stable. The routing
// that names the version holds the arm, and so does every request and every remembered answer of that time; whatever
// comes late can only count where it belongs. Thread-safe.
class Arm {
 public:
  explicit Arm(VersionId version) : Arm(version, std::make_shared<ConfidenceStats>()) {}
  Arm(const Arm&) = delete;
  Arm& operator=(const Arm&) = delete;

  // The same version over the span that begins now: all counts are zero, the confidence goes on.
  std::shared_ptr<Arm> Renewed() const { return std::shared_ptr<Arm>(new Arm(version_, confidence_)); }

  void CountAnswer(double confidence, double latency_ms);
  // An answer that was not a prediction through the version's fault. Returns how many there are now.
  uint64_t CountError(bool not_finite);
  void CountFeedback(double confidence, bool correct);

  VersionId version() const { return version_; }
  updater::ArmCounts Counts() const;
  ConfidenceStats::Summary Confidence() const { return confidence_->Summarise(); }

 private:
  Arm(VersionId version, std::shared_ptr<ConfidenceStats> confidence)
      : version_(version), confidence_(std::move(confidence)) {
    counts_.version = version;
  }

  const VersionId version_;
  const std::shared_ptr<ConfidenceStats> confidence_;
  mutable Mutex mutex_;
  updater::ArmCounts counts_ GUARDED_BY(mutex_);
};
using ArmPtr = std::shared_ptr<Arm>;

}  // namespace perennial::monitor
