#pragma once

#include <optional>
#include <string>
#include <vector>

#include "storage/base/mutex.h"
#include "updater/subscriber.h"
#include "updater/transport/wire.h"

namespace perennial::transport {

// What the node's two threads tell about themselves: the public status and what a report needs. Thread-safe.
class NodeVitals {
 public:
  updater::SubscriberStatus Status() const;
  std::optional<Refusal> refusal() const;
  // Counts of a trial that this node ended by itself: the sink may forget them, the hub must hear them.
  std::optional<updater::ArmCounts> final_counts() const;

  void SetState(updater::NodeState state);
  // Stable and candidate as they are served now.
  void SetVersions(VersionId stable, VersionId candidate);
  void SetStale(bool stale);
  void SetRefusal(std::optional<Refusal> refusal);
  void SetFinalCounts(std::optional<updater::ArmCounts> counts);
  // True when the text is another than before (then log it: an error is logged once).
  bool SetError(const std::string& error);
  void CountSwap();
  void CountBytes(uint64_t bytes);
  void CountObject(bool delta);

 private:
  mutable Mutex mutex_;
  updater::SubscriberStatus status_ GUARDED_BY(mutex_);
  std::optional<Refusal> refusal_ GUARDED_BY(mutex_);
  std::optional<updater::ArmCounts> final_counts_ GUARDED_BY(mutex_);
};

}  // namespace perennial::transport
