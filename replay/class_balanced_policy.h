#pragma once

#include "replay/replay_policy.h"

namespace perennial::replay {

// Class-balancing reservoir sampling (Chrysakis and Moens, "Online Continual Learning from Imbalanced Data", ICML 2020,
// algorithm 1), by partition instead of class. When the memory is full and an example of partition c arrives:
//   c was never a largest partition: a random example of a random largest partition makes room;
//   otherwise: with probability m_c / n_c (held of c / seen of c) it replaces a random example of c, else it is
//   dropped.
// So small partitions are kept whole, large ones are each a uniform sample of their stream.
class ClassBalancedPolicy final : public ReplayPolicy {
 public:
  Verdict Offer(MemoryTable& table, uint32_t partition, bool full, Rng& rng) const override;
  uint32_t Victim(MemoryTable& table, Rng& rng) const override;
};

}  // namespace perennial::replay
