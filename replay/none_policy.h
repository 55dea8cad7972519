#pragma once

#include "replay/replay_policy.h"

namespace perennial::replay {

// Remembers nothing: naive fine-tuning.
class NonePolicy final : public ReplayPolicy {
 public:
  Verdict Offer(MemoryTable& table, uint32_t partition, bool full, Rng& rng) const override;
  uint32_t Victim(MemoryTable& table, Rng& rng) const override;
};

}  // namespace perennial::replay
