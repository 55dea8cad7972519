#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "replay/memory_table.h"
#include "replay/replay_options.h"
#include "storage/base/rng.h"

namespace perennial::replay {

// Decides what the memory keeps. Has no state of its own: all it needs is counted in the table, so the table's saved
// state is all there is. Thread-compatible; each decision is O(1).
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

std::unique_ptr<const ReplayPolicy> MakePolicy(ReplayOptions::Policy policy);

}  // namespace perennial::replay
