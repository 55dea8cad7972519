#include "updater/transport/peer_credit.h"

#include <algorithm>

namespace perennial::transport {

Status PeerCredit::OnRequest(uint64_t generation, uint64_t received, uint64_t credit,
                             const std::vector<Hash256>& hashes) {
  if (generation < generation_) return Status::Ok();
  if (generation > generation_) {
    generation_ = generation;
    sent_ = received_ = 0;
    queue_.clear();
  }
  credit_ = std::min(credit, max_inflight_);
  // A node cannot acknowledge what was never sent, nor take an acknowledgement back.
  received_ = std::max(received_, std::min(received, sent_));
  if (queue_.size() + hashes.size() > max_queue_) {
    return ResourceExhausted("more than " + std::to_string(max_queue_) + " chunks asked for ahead",
                             "ask for the next ones as these arrive");
  }
  queue_.insert(queue_.end(), hashes.begin(), hashes.end());
  return Status::Ok();
}

bool PeerCredit::MaySend(uint64_t bytes) const { return Inflight() == 0 || Inflight() + bytes <= credit_; }

void PeerCredit::OnSent(uint64_t bytes) {
  sent_ += bytes;
  queue_.pop_front();
}

}  // namespace perennial::transport
