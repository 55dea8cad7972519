#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "serving/monitor/arm.h"
#include "storage/base/mutex.h"

namespace perennial::monitor {

// What a node answered to a request.
struct RememberedAnswer {
  ArmPtr arm;  // what the answer counts in; null: it is no evidence
  std::string label;
  float confidence = 0;
  bool trial = false;  // answered by the version on trial
};

// The last `capacity` answers by request id, so that a true label that comes later can be held against the arm that
// answered. A ring: the oldest is forgotten first. Thread-safe.
class AnswerMemory {
 public:
  explicit AnswerMemory(size_t capacity) : ring_(capacity == 0 ? 1 : capacity) {}

  // An id that is still remembered is replaced by its newest answer.
  void Remember(const std::string& request_id, RememberedAnswer answer);
  // Finds and forgets, so that one answer is judged once.
  std::optional<RememberedAnswer> Take(const std::string& request_id);
  size_t size() const;

 private:
  struct Entry {
    RememberedAnswer answer;
    size_t slot = 0;  // of ring_
  };
  mutable Mutex mutex_;
  std::vector<std::string> ring_ GUARDED_BY(mutex_);  // ids in order of arrival; empty: free
  size_t next_ GUARDED_BY(mutex_) = 0;
  std::unordered_map<std::string, Entry> by_id_ GUARDED_BY(mutex_);
};

}  // namespace perennial::monitor
