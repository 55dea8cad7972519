#include "updater/transport/node_registry.h"

#include <cmath>

#include "storage/base/bytes.h"

namespace perennial::transport {
namespace {

// Statistics go into JSON and metrics: what is not a number there breaks readers.
void Tame(updater::ArmCounts& arm) {
  if (!std::isfinite(arm.confidence_sum)) arm.confidence_sum = 0;
  if (!std::isfinite(arm.latency_ms_sum)) arm.latency_ms_sum = 0;
}

// Texts come from a node; a listed one, but its bytes are still not ours.
std::string Name(const std::string& text) { return PlainText(text, kMaxNameBytes); }
std::string Text(const std::string& text) { return PlainText(text, kMaxTextBytes); }

}  // namespace

Status NodeRegistry::OnReport(const std::string& route, const Report& report) {
  MutexLock lock(mutex_);
  if (!nodes_.contains(report.name) && nodes_.size() >= max_nodes_) {
    return ResourceExhausted("this hub takes " + std::to_string(max_nodes_) + " nodes", "raise max_nodes");
  }
  Entry& entry = nodes_[report.name];
  entry.route = route;
  entry.last_seen = clock_.Now();
  updater::NodeStatus& status = entry.status;
  status.name = report.name;
  status.state = Name(report.state);
  status.stable = report.stable;
  status.candidate = report.candidate;
  status.last_seen_us = clock_.WallMicros();
  status.connected = true;
  status.swaps = report.swaps;
  status.bytes_downloaded = report.bytes_downloaded;
  status.last_error = Text(report.last_error);
  status.http_address = Text(report.http_address);
  status.arms = report.arms;
  for (updater::ArmCounts& arm : status.arms) Tame(arm);
  return Status::Ok();
}

std::vector<std::string> NodeRegistry::TakeSilent() {
  MutexLock lock(mutex_);
  std::vector<std::string> silent;
  const SteadyTime now = clock_.Now();
  for (auto& [name, entry] : nodes_) {
    if (!entry.status.connected || now - entry.last_seen <= silence_) continue;
    entry.status.connected = false;
    silent.push_back(name);
  }
  return silent;
}

void NodeRegistry::Remove(const std::string& node) {
  MutexLock lock(mutex_);
  nodes_.erase(node);
}

std::vector<updater::NodeStatus> NodeRegistry::Nodes() const {
  MutexLock lock(mutex_);
  std::vector<updater::NodeStatus> nodes;
  nodes.reserve(nodes_.size());
  for (const auto& [name, entry] : nodes_) nodes.push_back(entry.status);
  return nodes;
}

std::optional<std::string> NodeRegistry::RouteOf(const std::string& node) const {
  MutexLock lock(mutex_);
  const auto found = nodes_.find(node);
  if (found == nodes_.end() || !found->second.status.connected) return std::nullopt;
  return found->second.route;
}

}  // namespace perennial::transport
