#include "replay/class_balanced_policy.h"

namespace perennial::replay {

ReplayPolicy::Verdict ClassBalancedPolicy::Offer(MemoryTable& table, uint32_t partition, bool full, Rng& rng) const {
  if (!full) return {.keep = true, .evict = {}};
  const Partition& own = table.partitions().at(partition);
  // A partition stops being a largest one only by an eviction, and Victim() marks it then; so it is enough to look now.
  if (!own.was_largest && own.members.size() < table.partitions().largest_size()) {
    return {.keep = true, .evict = Victim(table, rng)};
  }
  if (!own.was_largest) table.MarkLargest(partition);
  const uint64_t draw = rng.Below(own.seen);
  if (draw >= own.members.size()) return {};
  return {.keep = true, .evict = own.members[draw]};
}

uint32_t ClassBalancedPolicy::Victim(MemoryTable& table, Rng& rng) const {
  const std::vector<uint32_t>& largest = table.partitions().largest();
  const uint32_t chosen = largest[rng.Below(largest.size())];
  if (!table.partitions().at(chosen).was_largest) table.MarkLargest(chosen);
  const std::vector<uint32_t>& members = table.partitions().at(chosen).members;
  return members[rng.Below(members.size())];
}

}  // namespace perennial::replay
