#include "updater/transport/feedback_desk.h"

#include <string>

namespace perennial::transport {
namespace {

constexpr size_t kMaxWaiting = 4096;

}  // namespace

Result<uint64_t> FeedbackDesk::Open() {
  MutexLock lock(mutex_);
  if (closed_) return Cancelled("the update server is stopping");
  if (waiting_.size() >= kMaxWaiting) {
    return ResourceExhausted(std::to_string(kMaxWaiting) + " labels wait for their nodes",
                             "send it again a little later");
  }
  waiting_.emplace(next_, std::nullopt);
  return next_++;
}

void FeedbackDesk::Settle(uint64_t id, Status outcome) {
  MutexLock lock(mutex_);
  const auto found = waiting_.find(id);
  if (found == waiting_.end() || found->second.has_value()) return;
  found->second = std::move(outcome);
  settled_.NotifyAll();
}

Status FeedbackDesk::Await(uint64_t id, SteadyTime deadline) {
  MutexLock lock(mutex_);
  const auto place = waiting_.find(id);
  if (place == waiting_.end()) return Internal("feedback id " + std::to_string(id) + " is not open");
  while (!place->second.has_value() && !closed_) {
    if (!settled_.WaitUntil(mutex_, deadline) && !place->second.has_value() && !closed_) {
      waiting_.erase(place);
      return DeadlineExceeded("the node did not confirm the label in time", "send it again");
    }
  }
  const Status outcome = place->second.value_or(Cancelled("the update server is stopping"));
  waiting_.erase(place);
  return outcome;
}

void FeedbackDesk::Close() {
  MutexLock lock(mutex_);
  closed_ = true;
  settled_.NotifyAll();
}

}  // namespace perennial::transport
