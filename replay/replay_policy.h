#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "replay/feature_table.h"
#include "replay/memory_table.h"
#include "replay/replay_options.h"
#include "storage/base/rng.h"

namespace perennial::replay {

// Decides what the memory keeps. Has no state of its own: all it needs is counted in the tables, so the tables' saved
// state is all there is. Thread-compatible; each decision takes a time that does not grow with the memory.
class ReplayPolicy {
 public:
  virtual ~ReplayPolicy() = default;

  struct Verdict {
    bool keep = false;
    std::optional<uint32_t> evict;  // the slot that makes room, when the memory is full
  };
  // On an example of `partition` that was counted just now (MemoryTable::See). `full`: it does not fit as things are.
  virtual Verdict Offer(MemoryTable& table, uint32_t partition, bool full, Rng& rng) const = 0;
  // One more slot to empty, when a large example needs more room or the memory shrank. REQUIRES table.size() > 0.
  virtual uint32_t Victim(MemoryTable& table, Rng& rng) const = 0;
};

// `features` is for herding, and outlives the policy.
std::unique_ptr<const ReplayPolicy> MakePolicy(ReplayOptions::Policy policy, const FeatureTable& features);

}  // namespace perennial::replay
