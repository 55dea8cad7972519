#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "storage/base/status.h"
#include "updater/rollout.h"

namespace perennial::updater {

// What the rollout controller keeps in the version store's slot "rollout" (rollout_record.md). Value type.
struct RolloutRecord {
  RolloutState state;
  int64_t trial_started_us = 0;                   // wall time; 0: no trial
  std::vector<RolloutController::Event> history;  // oldest first, at most kMaxHistory

  friend bool operator==(const RolloutRecord&, const RolloutRecord&) = default;
  std::string Encode() const;
  static Result<RolloutRecord> Decode(std::string_view bytes);
};

inline constexpr size_t kMaxHistory = 256;
inline constexpr size_t kMaxReasonBytes = 1024;
inline constexpr size_t kMaxRefusalBytes = 256;  // of a node's own words in a reason

}  // namespace perennial::updater
