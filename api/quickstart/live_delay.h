#pragma once

#include <cstdint>
#include <vector>

#include "api/quickstart/feeder.h"
#include "api/quickstart/watcher.h"

namespace perennial::quickstart {

// How long labels took to go live: from a batch's acknowledgement to the moment every node had a version that learned
// from all of it.
struct LiveDelays {
  std::vector<double> seconds;  // one per batch that went live, ascending
  double p50_s = 0;             // the median over samples; a sample that never went live counts as infinitely late
  uint64_t samples_not_live = 0;
};
// REQUIRES `live` in the order of time. Pure.
LiveDelays DelaysOf(const std::vector<Acknowledged>& acknowledged, const std::vector<LiveVersion>& live);

}  // namespace perennial::quickstart
