#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/mutex.h"
#include "updater/transport/wire.h"
#include "updater/update_server.h"

namespace perennial::transport {

// The nodes the hub has heard of, what they last said, and by which connection they are reached. Thread-safe.
class NodeRegistry {
 public:
  NodeRegistry(const Clock& clock, Duration silence, size_t max_nodes)
      : clock_(clock), silence_(silence), max_nodes_(max_nodes) {}

  // kResourceExhausted when too many nodes are known.
  Status OnReport(const std::string& route, const Report& report);
  // Marks nodes that have been silent too long as not connected; returns those that just became so.
  std::vector<std::string> TakeSilent();
  void Remove(const std::string& node);
  std::vector<updater::NodeStatus> Nodes() const;
  // The connection of a connected node.
  std::optional<std::string> RouteOf(const std::string& node) const;

 private:
  struct Entry {
    updater::NodeStatus status;
    std::string route;
    SteadyTime last_seen;
  };
  const Clock& clock_;
  const Duration silence_;
  const size_t max_nodes_;
  mutable Mutex mutex_;
  std::map<std::string, Entry> nodes_ GUARDED_BY(mutex_);
};

}  // namespace perennial::transport
