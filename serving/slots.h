#pragma once

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "serving/routing.h"
#include "storage/base/mutex.h"
#include "updater/update_sink.h"

namespace perennial::serving {

// The resident versions and the one pointer that says who answers. Legal moves:
//
//   Stage      ->  staged                        (slow; nothing is served from it)
//   Activate   staged -> candidate               (trial; again for another weight)
//   Confirm    staged or candidate -> stable     (the old stable one retires)
//   Revert     staged or candidate -> gone
//   HaltTrial  candidate stays resident, takes no requests (its outputs broke)
//
// Current() may be called from any thread at any time; the moves are serialised by a lock that no request ever waits
// for, except HaltTrial.
class Slots {
 public:
  Slots(std::unique_ptr<PredictorFactory> factory, size_t max_batch)
      : factory_(std::move(factory)), max_batch_(max_batch) {}

  std::shared_ptr<const Routing> Current() const { return routing_.load(); }

  Status Stage(const updater::StagedVersion& staged);
  // `fresh` tells that the version was not on trial before; then both arms count from zero.
  Status Activate(VersionId version, uint32_t permille, bool& fresh);
  // `changed` tells that another version was stable before.
  Status Confirm(VersionId version, bool& changed);
  Status Revert(VersionId version);
  // True when this call stopped the trial that counts in `arm`; another trial of the same version goes on.
  bool HaltTrial(const monitor::ArmPtr& arm);

 private:
  void EndTrial(Routing& next) REQUIRES_LOCK(mutex_);
  void Flip(Routing next) REQUIRES_LOCK(mutex_);
  // Frees retired versions whose last request is over; on the caller's thread, never on a request's.
  void FreeRetired() REQUIRES_LOCK(mutex_);
  // A resident or staged version with these bytes; null when there is none.
  ServedPtr FindContent(const Hash256& root) REQUIRES_LOCK(mutex_);

  const std::unique_ptr<PredictorFactory> factory_;
  const size_t max_batch_;
  std::atomic<std::shared_ptr<const Routing>> routing_{std::make_shared<const Routing>()};

  Mutex stage_mutex_;                                      // one Stage at a time; taken before mutex_
  std::set<std::string> warmed_ GUARDED_BY(stage_mutex_);  // architectures whose batch sizes this process has run

  Mutex mutex_;
  ServedPtr staged_ GUARDED_BY(mutex_);
  // Versions that left the routing. Owned here too, so that a request that ends never frees a network; the next Stage
  // does.
  std::vector<ServedPtr> retired_ GUARDED_BY(mutex_);
  bool halted_ GUARDED_BY(mutex_) = false;
};

}  // namespace perennial::serving
