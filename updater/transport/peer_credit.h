#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "storage/base/hash.h"
#include "storage/base/status.h"

namespace perennial::transport {

// One node's download as the hub sees it: which chunks it still wants and how many bytes are on their way. Pure.
// Thread-compatible.
class PeerCredit {
 public:
  // At most `max_inflight` bytes unacknowledged whatever the node grants, at most `max_queue` chunks waiting.
  PeerCredit(uint64_t max_inflight, size_t max_queue) : max_inflight_(max_inflight), max_queue_(max_queue) {}

  // A request. A newer generation drops what the older one waits for; an older one is ignored. kResourceExhausted, with
  // nothing queued, when it asks for more than may wait.
  Status OnRequest(uint64_t generation, uint64_t received, uint64_t credit, const std::vector<Hash256>& hashes);

  bool Wants() const { return !queue_.empty(); }
  // The next chunk. REQUIRES Wants().
  const Hash256& Next() const { return queue_.front(); }
  // Whether `bytes` more may be on the way: within both limits, or nothing is on the way (one chunk always may).
  bool MaySend(uint64_t bytes) const;
  // The next chunk went out (or, with 0 bytes, will not).
  void OnSent(uint64_t bytes);

  uint64_t generation() const { return generation_; }
  uint64_t Inflight() const { return sent_ - received_; }

 private:
  const uint64_t max_inflight_;
  const size_t max_queue_;
  uint64_t generation_ = 0;
  uint64_t credit_ = 0;
  uint64_t sent_ = 0;      // of this generation
  uint64_t received_ = 0;  // of this generation; never over sent_
  std::deque<Hash256> queue_;
};

}  // namespace perennial::transport
