#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "storage/base/mutex.h"
#include "storage/base/status.h"

namespace perennial::transport {

// Where callers wait for a node's answer to a forwarded label. Thread-safe; bounded.
class FeedbackDesk {
 public:
  // A number for the next label; kResourceExhausted when too many wait already.
  Result<uint64_t> Open();
  // The server's thread: what became of it. Unknown and late ids are ignored.
  void Settle(uint64_t id, Status outcome);
  // Waits for the answer and forgets the id; kDeadlineExceeded when none came.
  Status Await(uint64_t id, SteadyTime deadline);
  // Every waiting caller gets kCancelled, later ones too: the server stops.
  void Close();

 private:
  Mutex mutex_;
  CondVar settled_;
  uint64_t next_ GUARDED_BY(mutex_) = 1;
  bool closed_ GUARDED_BY(mutex_) = false;
  std::map<uint64_t, std::optional<Status>> waiting_ GUARDED_BY(mutex_);
};

}  // namespace perennial::transport
