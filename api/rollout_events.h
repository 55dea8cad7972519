#pragma once

#include <string>

#include "api/event_hub.h"
#include "storage/base/mutex.h"
#include "updater/rollout.h"
#include "updater/update_server.h"

namespace perennial::api {

// Listens to the rollout controller: announces every change to the nodes at once and tells the event stream what it
// was. Made before the controller (it is its listener) and told of the others with Attach(). Thread-safe.
class RolloutEvents {
 public:
  explicit RolloutEvents(EventHub& events) : events_(events) {}
  // REQUIRES: both outlive their last call of OnState(). `server` may be null.
  void Attach(const updater::RolloutController* rollout, updater::UpdateServer* server);
  // Later calls change nothing any more; call it before the server goes.
  void Detach() { Attach(nullptr, nullptr); }
  // The controller's listener. A state older than one already seen is dropped: two changes may be reported in either
  // order.
  void OnState(const updater::RolloutState& state);

 private:
  void Tell(const updater::RolloutState& before, const updater::RolloutState& now) REQUIRES_LOCK(mutex_);
  std::string ReasonOf(VersionId version) const REQUIRES_LOCK(mutex_);

  EventHub& events_;
  mutable Mutex mutex_;
  const updater::RolloutController* rollout_ GUARDED_BY(mutex_) = nullptr;
  updater::UpdateServer* server_ GUARDED_BY(mutex_) = nullptr;
  updater::RolloutState last_ GUARDED_BY(mutex_);
};

}  // namespace perennial::api
