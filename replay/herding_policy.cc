#include "replay/herding_policy.h"

namespace perennial::replay {
namespace {

constexpr size_t kMostCandidates = 64;

}  // namespace

HerdingPolicy::Choice HerdingPolicy::Worst(const MemoryTable& table, uint32_t partition, const Feature* joins,
                                           Rng& rng) const {
  const std::vector<uint32_t>& members = table.partitions().at(partition).members;
  const bool some = members.size() > kMostCandidates;
  Choice worst;
  for (size_t i = 0; i < (some ? kMostCandidates : members.size()); ++i) {
    const uint32_t slot = members[some ? rng.Below(members.size()) : i];
    const double distance = features_.Distance(partition, joins, &features_.Of(table.at(slot).id));
    if (i == 0 || distance < worst.distance) worst = {slot, distance};
  }
  return worst;
}

ReplayPolicy::Verdict HerdingPolicy::Offer(MemoryTable& table, uint32_t partition, bool full, Rng& rng) const {
  if (!full) return {.keep = true, .evict = {}};
  const Partition& own = table.partitions().at(partition);
  if (own.members.size() < table.partitions().largest_size()) return {.keep = true, .evict = Victim(table, rng)};
  if (own.members.empty()) return {};
  const Choice worst = Worst(table, partition, &features_.arriving(), rng);
  if (features_.Distance(partition, nullptr, nullptr) <= worst.distance) return {};
  return {.keep = true, .evict = worst.slot};
}

uint32_t HerdingPolicy::Victim(MemoryTable& table, Rng& rng) const {
  const std::vector<uint32_t>& largest = table.partitions().largest();
  return Worst(table, largest[rng.Below(largest.size())], nullptr, rng).slot;
}

}  // namespace perennial::replay
