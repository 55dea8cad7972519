#pragma once

#include <memory>
#include <optional>
#include <string>

#include "replay/memory_table.h"
#include "replay/replay_buffer.h"
#include "replay/replay_policy.h"

namespace perennial::replay {

// ReplayBuffer on a KvStore: a table of examples, a policy that fills it, and the table's changes for the next
// checkpoint.
class KvReplayBuffer final : public ReplayBuffer {
 public:
  static Result<std::unique_ptr<ReplayBuffer>> Open(kv::KvStore& store, std::string_view prefix,
                                                    const ReplayOptions& options);

  void Add(Example example, Rng& rng) override;
  std::vector<std::shared_ptr<const Example>> Draw(size_t count, Rng& rng) const override;
  size_t size() const override { return table_.size(); }
  uint64_t bytes() const override { return table_.bytes(); }
  std::vector<std::pair<std::string, size_t>> Partitions() const override;
  void ContributeTo(kv::WriteBatch& batch) override;
  void Confirm() override { pending_.reset(); }

 private:
  KvReplayBuffer(kv::Family family, std::string_view prefix, const ReplayOptions& options)
      : family_(family), prefix_(prefix), options_(options), policy_(MakePolicy(options.policy)) {}
  Status Load(const kv::KvStore& store);
  // Evicts what was loaded without its pixels: pictures that are over narrower limits than they were accepted by.
  void ForgetUnreadable();
  // Makes the loaded table fit these options: another partition rule, a smaller capacity.
  Status Adapt(ReplayOptions::Partition saved_partition);
  std::string PartitionKey(const Example& example) const;
  bool Fits(uint64_t more_examples, uint64_t more_bytes) const;

  const kv::Family family_;
  const std::string prefix_;
  const ReplayOptions options_;
  const std::unique_ptr<const ReplayPolicy> policy_;
  MemoryTable table_;
  std::optional<TableChanges> pending_;  // contributed, not yet confirmed
};

}  // namespace perennial::replay
