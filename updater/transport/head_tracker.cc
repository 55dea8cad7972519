#include "updater/transport/head_tracker.h"

#include <algorithm>

namespace perennial::transport {
namespace {

constexpr std::chrono::milliseconds kDefaultHeartbeat{500};
constexpr std::chrono::milliseconds kShortestHeartbeat{10};
constexpr std::chrono::milliseconds kLongestHeartbeat{60'000};
constexpr int kMissedHeartbeats = 3;

std::string Describe(const Head& head) {
  return "HEAD of epoch " + std::to_string(head.rollout.epoch) + " revision " + std::to_string(head.rollout.revision);
}

}  // namespace

Result<HeadTracker::News> HeadTracker::Accept(std::string_view signed_head, int64_t wall_us, SteadyTime now) {
  PERENNIAL_ASSIGN_OR_RETURN(Head head, OpenHead(signed_head, verifier_));
  if (head.model_id != model_id_) {
    return InvalidArgument("HEAD is for model " + head.model_id + ", this node serves " + model_id_);
  }
  if (head.expires_us <= wall_us) {
    return DeadlineExceeded(Describe(head) + " has expired", "check the clocks of hub and node");
  }
  const Fence fence{head.rollout.epoch, head.rollout.revision};
  if (fence < fence_) {
    return FailedPrecondition(Describe(head) + " is older than epoch " + std::to_string(fence_.epoch) + " revision " +
                                  std::to_string(fence_.revision) + " seen before",
                              "stop the older hub");
  }
  const bool known = head_.has_value() && Fence{head_->rollout.epoch, head_->rollout.revision} == fence;
  if (known && !head.SameOrders(*head_)) {
    return FailedPrecondition("two hubs announce epoch " + std::to_string(fence.epoch) + " with different orders",
                              "stop one of them");
  }
  if (known && head.sequence <= head_->sequence) return News::kNothing;
  // The sequence goes on over revisions: a replayed HEAD of this epoch is older in it even when the orders are new to
  // us.
  const bool changed = !head_.has_value() || !head.SameOrders(*head_);
  fence_ = fence;
  head_ = std::move(head);
  last_fresh_ = now;
  return changed ? News::kChanged : News::kFresh;
}

Duration HeadTracker::Heartbeat() const {
  if (!head_.has_value()) return kDefaultHeartbeat;
  return std::clamp(std::chrono::milliseconds(head_->heartbeat_ms), kShortestHeartbeat, kLongestHeartbeat);
}

bool HeadTracker::Stale(SteadyTime now) const { return now - last_fresh_ > kMissedHeartbeats * Heartbeat(); }

}  // namespace perennial::transport
