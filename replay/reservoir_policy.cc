#include "replay/reservoir_policy.h"

namespace perennial::replay {

ReplayPolicy::Verdict ReservoirPolicy::Offer(MemoryTable& table, uint32_t, bool full, Rng& rng) const {
  if (!full) return {.keep = true, .evict = {}};
  const uint64_t slot = rng.Below(table.seen());
  if (slot >= table.size()) return {};
  return {.keep = true, .evict = static_cast<uint32_t>(slot)};
}

uint32_t ReservoirPolicy::Victim(MemoryTable& table, Rng& rng) const {
  return static_cast<uint32_t>(rng.Below(table.size()));
}

}  // namespace perennial::replay
