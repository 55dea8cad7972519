#pragma once

#include "replay/replay_policy.h"

namespace perennial::replay {

// Algorithm R (Vitter, ACM TOMS 11(1), 1985): once full, the n-th example of the stream replaces a uniformly chosen
// slot with probability size / n, so that every example seen so far is held with equal chances. Under a budget in bytes
// that is so as far as examples are of equal size: an example that needs the room of several evicts several.
class ReservoirPolicy final : public ReplayPolicy {
 public:
  Verdict Offer(MemoryTable& table, uint32_t partition, bool full, Rng& rng) const override;
  uint32_t Victim(MemoryTable& table, Rng& rng) const override;
};

}  // namespace perennial::replay
