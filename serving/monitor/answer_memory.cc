#include "serving/monitor/answer_memory.h"

#include <utility>

namespace perennial::monitor {

void AnswerMemory::Remember(const std::string& request_id, RememberedAnswer answer) {
  if (request_id.empty()) return;
  MutexLock lock(mutex_);
  if (const auto known = by_id_.find(request_id); known != by_id_.end()) {
    ring_[known->second.slot].clear();
    by_id_.erase(known);
  }
  if (!ring_[next_].empty()) by_id_.erase(ring_[next_]);
  ring_[next_] = request_id;
  by_id_[request_id] = {std::move(answer), next_};
  next_ = (next_ + 1) % ring_.size();
}

std::optional<RememberedAnswer> AnswerMemory::Take(const std::string& request_id) {
  MutexLock lock(mutex_);
  const auto found = by_id_.find(request_id);
  if (found == by_id_.end()) return std::nullopt;
  ring_[found->second.slot].clear();
  RememberedAnswer answer = std::move(found->second.answer);
  by_id_.erase(found);
  return answer;
}

size_t AnswerMemory::size() const {
  MutexLock lock(mutex_);
  return by_id_.size();
}

}  // namespace perennial::monitor
