#include "api/quickstart/live_delay.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace perennial::quickstart {

LiveDelays DelaysOf(const std::vector<Acknowledged>& acknowledged, const std::vector<LiveVersion>& live) {
  LiveDelays out;
  std::vector<std::pair<double, uint64_t>> delays;
  uint64_t total = 0;
  for (const Acknowledged& batch : acknowledged) {
    total += batch.samples;
    const auto version = std::find_if(live.begin(), live.end(), [&](const LiveVersion& one) {
      return one.trained_until >= batch.end && one.time >= batch.time;
    });
    if (version == live.end()) {
      out.samples_not_live += batch.samples;
      continue;
    }
    delays.emplace_back(std::chrono::duration<double>(version->time - batch.time).count(), batch.samples);
  }
  std::sort(delays.begin(), delays.end());
  out.p50_s = std::numeric_limits<double>::infinity();
  uint64_t passed = 0;
  for (const auto& [delay, samples] : delays) {
    out.seconds.push_back(delay);
    passed += samples;
    if (2 * passed >= total && out.p50_s == std::numeric_limits<double>::infinity()) out.p50_s = delay;
  }
  return out;
}

}  // namespace perennial::quickstart
