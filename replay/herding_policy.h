#pragma once

#include "replay/feature_table.h"
#include "replay/replay_policy.h"

namespace perennial::replay {

// Herding (Welling, ICML 2009; as iCaRL keeps its examples: Rebuffi et al., CVPR 2017) on a stream: of each partition
// those are kept whose mean feature stays nearest to the mean of all that the stream brought of it. When the memory is
// full and an example of partition c arrives:
//   c is not a largest partition: it is kept, and of a largest one an example makes room;
//   otherwise: of the arriving one and those held of c one is left out.
// Left out is the one without which the mean of the rest is nearest, of all or, in partitions of more than 64, of 64
// random ones. iCaRL herds anew with the network's features when a class is complete; a stream never is, and these are
// features of the input (feature.h). Not O(1) as other policies, but bounded: 64 distances of 80 numbers.
class HerdingPolicy final : public ReplayPolicy {
 public:
  // REQUIRES `features` outlives it and knows what the table holds and which example is arriving.
  explicit HerdingPolicy(const FeatureTable& features) : features_(features) {}
  Verdict Offer(MemoryTable& table, uint32_t partition, bool full, Rng& rng) const override;
  uint32_t Victim(MemoryTable& table, Rng& rng) const override;

 private:
  struct Choice {
    uint32_t slot = 0;
    double distance = 0;  // without it
  };
  // REQUIRES the partition has a member.
  Choice Worst(const MemoryTable& table, uint32_t partition, const Feature* joins, Rng& rng) const;

  const FeatureTable& features_;
};

}  // namespace perennial::replay
