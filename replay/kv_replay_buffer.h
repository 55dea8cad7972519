#pragma once

#include <memory>
#include <optional>
#include <string>

#include "replay/memory_table.h"
#include "replay/replay_buffer.h"
#include "replay/replay_codec.h"
#include "replay/replay_policy.h"
#include "replay/state_table.h"

namespace perennial::replay {

// ReplayBuffer on a KvStore: a table of examples, a policy that fills it, and the table's changes for the next
// checkpoint.
class KvReplayBuffer final : public ReplayBuffer {
 public:
  static Result<std::unique_ptr<ReplayBuffer>> Open(kv::KvStore& store, std::string_view prefix,
                                                    const ReplayOptions& options);

  using ReplayBuffer::Add;
  void Add(Example example, ItemState state, Rng& rng) override;
  Result<std::vector<Drawn>> Draw(size_t count, Rng& rng) override;
  void SetState(uint64_t id, ItemState state) override;
  size_t size() const override { return table_.size(); }
  uint64_t bytes() const override { return table_.bytes() + states_.bytes(); }
  std::vector<std::pair<std::string, size_t>> Partitions() const override;
  void ContributeTo(kv::WriteBatch& batch) override;
  void Confirm() override;
  Result<Hash256> Digest() const override;

 private:
  KvReplayBuffer(kv::Family family, std::string_view prefix, const ReplayOptions& options)
      : family_(family), prefix_(prefix), options_(options), policy_(MakePolicy(options.policy)) {}
  Status Load(const kv::KvStore& store);
  // Reads the states of what was loaded; when they are not wanted any more, sees to it that they go.
  Status LoadStates(const kv::KvStore& store, uint64_t count);
  // Evicts what was loaded without its pixels: pictures that are over narrower limits than they were accepted by.
  void ForgetUnreadable();
  // Makes the loaded table fit these options: another partition rule, a smaller capacity.
  Status Adapt(ReplayOptions::Partition saved_partition);
  std::string PartitionKey(const Example& example) const;
  void Evict(uint32_t slot);
  void ContributeStates(kv::WriteBatch& batch);
  Header HeaderNow() const;
  bool Fits(uint64_t more_examples, uint64_t more_bytes) const;

  const kv::Family family_;
  const std::string prefix_;
  const ReplayOptions options_;
  const std::unique_ptr<const ReplayPolicy> policy_;
  MemoryTable table_;
  StateTable states_;                           // without item_state: empty
  bool drop_states_ = false;                    // stored ones are not wanted: the next contribution deletes them
  std::optional<TableChanges> pending_;         // contributed, not yet confirmed
  std::optional<StateChanges> pending_states_;  // likewise
};

}  // namespace perennial::replay
