#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "replay/example_cache.h"
#include "replay/memory_table.h"
#include "replay/record_store.h"
#include "replay/replay_buffer.h"
#include "replay/replay_codec.h"
#include "replay/replay_policy.h"
#include "replay/source_use.h"
#include "replay/sparse_permutation.h"
#include "replay/state_table.h"

namespace perennial::replay {

// ReplayBuffer on a KvStore: a table of what is held, a policy that fills it, the examples' bytes in the store, decoded
// ones in a bounded cache, and the changes for the next checkpoint.
class KvReplayBuffer final : public ReplayBuffer {
 public:
  static Result<std::unique_ptr<ReplayBuffer>> Open(kv::KvStore& store, std::string_view prefix,
                                                    const ReplayOptions& options);

  using ReplayBuffer::Add;
  uint64_t Add(Example example, ItemState state, Rng& rng) override;
  Result<std::vector<Drawn>> Draw(size_t count, Rng& rng) override;
  void SetState(uint64_t id, ItemState state) override;
  Result<size_t> Forget(std::string_view source) override;
  size_t size() const override { return table_.size(); }
  uint64_t bytes() const override { return table_.bytes() + states_.bytes(); }
  uint64_t cached_bytes() const override { return cache_.bytes(); }
  std::vector<std::pair<std::string, size_t>> Partitions() const override;
  void ContributeTo(kv::WriteBatch& batch) override;
  void Confirm() override;
  Result<Hash256> Digest() const override;

 private:
  KvReplayBuffer(const kv::KvStore& store, kv::Family family, std::string_view prefix, const ReplayOptions& options)
      : family_(family),
        prefix_(prefix),
        options_(options),
        herds_(options.policy == ReplayOptions::Policy::kHerding),
        policy_(MakePolicy(options.policy, features_)),
        knows_sources_(IsLimit(options.source_share) || IsLimit(options.source_draw_share)),
        sources_(LimitsOf(options)),
        records_(store, family, prefix),
        cache_(options.cache_bytes) {}

  // What reading every record once tells about the slots.
  struct Surveyed {
    std::vector<Slot> slots;           // with their bytes
    std::vector<std::string> keys;     // by slot, of today's partition rule; empty when that is the saved one
    std::vector<uint32_t> unreadable;  // slots whose picture is over the limits
  };
  Status Load(const kv::KvStore& store);
  Result<Surveyed> Survey(const kv::KvStore& store, std::vector<Slot> slots, bool other_rule);
  // Reads the states of what was loaded; when they are not wanted any more, sees to it that they go.
  Status LoadStates(const kv::KvStore& store, uint64_t count);
  // Reads the features of what was loaded and makes those that are missing; when they are not wanted, sees to it that
  // they go.
  Status LoadFeatures(const kv::KvStore& store);
  // Puts every slot into the partition of its key.
  Status Repartition(std::vector<Slot> slots, const std::vector<std::string>& keys);
  // Evicts what a smaller capacity has no room for.
  void Shrink();

  std::string PartitionKey(std::string_view label, std::string_view source, std::string_view slice) const;
  bool Fits(uint64_t more_examples, uint64_t more_bytes) const;
  void Evict(uint32_t slot);
  static bool IsLimit(double share) { return share > 0 && share < 1; }
  static SourceUse::Limits LimitsOf(const ReplayOptions& options);
  // A slot of the source; of a few of them one of a largest partition where partitions are kept equal. Expected time is
  // inverse to the share of the memory that is the source's. All have equal chances while that is a hundredth or more;
  // below, the search ends with the next one in order, which prefers those behind gaps. REQUIRES it has an example.
  uint32_t VictimOf(uint32_t source, Rng& rng) const;
  uint32_t RandomSlotOf(uint32_t source, Rng& rng) const;
  // Evicts of the source until one more example of `bytes` is within its limits. REQUIRES bytes are alone.
  void MakeRoomFor(uint32_t source, uint64_t bytes, Rng& rng);
  // The slots of a draw, those of one source at most as many as the limit allows.
  std::vector<uint32_t> PlacesWithinLimit(size_t count, Rng& rng);
  Result<std::vector<Drawn>> Collect(const std::vector<uint32_t>& places);
  // Fills in the examples of those that have none.
  Status Fetch(std::vector<Drawn>& drawn);
  void ContributeStates(kv::WriteBatch& batch);
  void ContributeFeatures(kv::WriteBatch& batch);
  Header HeaderNow() const;

  const kv::Family family_;
  const std::string prefix_;
  const ReplayOptions options_;
  const bool herds_;
  FeatureTable features_;  // without herding: empty
  const std::unique_ptr<const ReplayPolicy> policy_;
  const bool knows_sources_;  // slots have the number of their source, sources_ counts
  SourceUse sources_;
  MemoryTable table_;
  RecordStore records_;
  ExampleCache cache_;
  SparsePermutation permutation_;
  std::vector<const std::shared_ptr<const Example>*> cached_;  // of the present draw
  StateTable states_;                                          // without item_state: empty
  bool drop_states_ = false;                    // stored ones are not wanted: the next contribution deletes them
  std::optional<TableChanges> pending_;         // contributed, not yet confirmed
  std::optional<StateChanges> pending_states_;  // likewise
  bool drop_features_ = false;                  // as drop_states_
  std::optional<FeatureChanges> pending_features_;
  bool drop_leftovers_ = false;  // what lies beyond the last partition, of another rule, goes with the next contribution
};

}  // namespace perennial::replay
