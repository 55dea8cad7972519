#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/base/ids.h"

namespace perennial::updater {

// Counts of one arm (one version) since it became active on one node; sums over nodes add field by field. Value type.
struct ArmCounts {
  VersionId version;
  uint64_t requests = 0;
  uint64_t errors = 0;       // answers that were not a prediction through the version's fault
  uint64_t nan_outputs = 0;  // of these, outputs that were not finite
  uint64_t feedback = 0;     // answers whose true label came back
  uint64_t feedback_correct = 0;
  double confidence_sum = 0;  // of the top class
  double latency_ms_sum = 0;

  ArmCounts& operator+=(const ArmCounts& other);
  friend bool operator==(const ArmCounts&, const ArmCounts&) = default;
};

// Owned by the updater, implemented by serving: what a node knows about how its arms do. Thread-safe.
class Evidence {
 public:
  virtual ~Evidence() = default;
  // Counts per resident version (stable and, during a trial, the candidate) since the current trial began (or since it
  // became stable).
  virtual std::vector<ArmCounts> Counts() const = 0;
};

// Delivers a true label for a request a node answered. Implemented by serving. Thread-safe.
class FeedbackSink {
 public:
  virtual ~FeedbackSink() = default;
  // False when the request id is not (or no longer) known here.
  virtual bool Feedback(const std::string& request_id, const std::string& label) = 0;
};

}  // namespace perennial::updater
