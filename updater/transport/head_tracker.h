#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/clock.h"
#include "storage/base/status.h"
#include "updater/transport/head.h"
#include "updater/trust/signer.h"

namespace perennial::transport {

// A node's memory of the newest HEAD: lets only genuine, unexpired, never older ones through and knows when the hub has
// gone silent. Pure apart from the times given. Thread-compatible.
class HeadTracker {
 public:
  // `fence`: epoch and revision of the last HEAD that was acted on before a restart.
  struct Fence {
    uint64_t epoch = 0;
    uint64_t revision = 0;
    friend auto operator<=>(const Fence&, const Fence&) = default;
  };
  HeadTracker(std::string model_id, trust::Verifier verifier, Fence fence, SteadyTime now)
      : model_id_(std::move(model_id)), verifier_(std::move(verifier)), fence_(fence), last_fresh_(now) {}

  enum class News { kNothing, kFresh, kChanged };  // kFresh: a heartbeat with the same orders
  // kPermissionDenied (signature), kInvalidArgument (another model), kDeadlineExceeded (expired), kFailedPrecondition
  // (older than one seen before, or a second hub with the same epoch and other orders).
  Result<News> Accept(std::string_view signed_head, int64_t wall_us, SteadyTime now);

  const std::optional<Head>& head() const { return head_; }
  // No fresh HEAD within three heartbeats.
  bool Stale(SteadyTime now) const;
  Duration Heartbeat() const;

 private:
  const std::string model_id_;
  const trust::Verifier verifier_;
  Fence fence_;
  std::optional<Head> head_;
  SteadyTime last_fresh_;
};

}  // namespace perennial::transport
