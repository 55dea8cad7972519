#include "replay/none_policy.h"

namespace perennial::replay {

ReplayPolicy::Verdict NonePolicy::Offer(MemoryTable&, uint32_t, bool, Rng&) const { return {}; }

uint32_t NonePolicy::Victim(MemoryTable& table, Rng&) const { return static_cast<uint32_t>(table.size() - 1); }

}  // namespace perennial::replay
