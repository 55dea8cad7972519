#include "updater/transport/node_vitals.h"

namespace perennial::transport {

updater::SubscriberStatus NodeVitals::Status() const {
  MutexLock lock(mutex_);
  return status_;
}

std::optional<Refusal> NodeVitals::refusal() const {
  MutexLock lock(mutex_);
  return refusal_;
}

std::optional<updater::ArmCounts> NodeVitals::final_counts() const {
  MutexLock lock(mutex_);
  return final_counts_;
}

void NodeVitals::SetState(updater::NodeState state) {
  MutexLock lock(mutex_);
  status_.state = state;
}

void NodeVitals::SetVersions(VersionId stable, VersionId candidate) {
  MutexLock lock(mutex_);
  status_.stable = stable;
  status_.candidate = candidate;
}

void NodeVitals::SetStale(bool stale) {
  MutexLock lock(mutex_);
  status_.stale = stale;
}

void NodeVitals::SetRefusal(std::optional<Refusal> refusal) {
  MutexLock lock(mutex_);
  refusal_ = std::move(refusal);
}

void NodeVitals::SetFinalCounts(std::optional<updater::ArmCounts> counts) {
  MutexLock lock(mutex_);
  final_counts_ = counts;
}

bool NodeVitals::SetError(const std::string& error) {
  MutexLock lock(mutex_);
  if (status_.last_error == error) return false;
  status_.last_error = error;
  return !error.empty();
}

void NodeVitals::CountSwap() {
  MutexLock lock(mutex_);
  ++status_.swaps;
}

void NodeVitals::CountBytes(uint64_t bytes) {
  MutexLock lock(mutex_);
  status_.bytes_downloaded += bytes;
}

void NodeVitals::CountObject(bool delta) {
  MutexLock lock(mutex_);
  ++(delta ? status_.deltas_fetched : status_.snapshots_fetched);
}

}  // namespace perennial::transport
