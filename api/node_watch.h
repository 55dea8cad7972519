#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/event_hub.h"
#include "storage/base/mutex.h"
#include "storage/base/thread.h"
#include "updater/update_server.h"

namespace perennial::api {

// Compares what the update server says about the nodes with what it said before and tells the event stream who came and
// went. Thread-compatible.
class NodeChanges {
 public:
  explicit NodeChanges(EventHub& events) : events_(events) {}
  void Observe(const std::vector<updater::NodeStatus>& nodes);

 private:
  EventHub& events_;
  std::map<std::string, bool> connected_;
};

// The thread "node-watch" that does so twice a second; its owner joins it by destroying the object.
class NodeWatch {
 public:
  NodeWatch(updater::UpdateServer& server, EventHub& events);
  ~NodeWatch();

 private:
  void Run();

  updater::UpdateServer& server_;
  NodeChanges changes_;
  Mutex mutex_;
  CondVar stopping_changed_;
  bool stopping_ GUARDED_BY(mutex_) = false;
  Thread thread_;
};

}  // namespace perennial::api
