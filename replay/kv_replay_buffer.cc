#include "replay/kv_replay_buffer.h"

#include <algorithm>
#include <unordered_map>

#include "replay/replay_codec.h"

namespace perennial::replay {

std::vector<std::string> ReplayBuffer::Families() { return {"replay"}; }

Result<std::unique_ptr<ReplayBuffer>> ReplayBuffer::Open(kv::KvStore& store, std::string_view prefix,
                                                         ReplayOptions options) {
  return KvReplayBuffer::Open(store, prefix, options);
}

Result<std::unique_ptr<ReplayBuffer>> KvReplayBuffer::Open(kv::KvStore& store, std::string_view prefix,
                                                           const ReplayOptions& options) {
  PERENNIAL_RETURN_IF_ERROR(options.Validate());
  PERENNIAL_ASSIGN_OR_RETURN(const kv::Family family, store.FindFamily("replay"));
  std::unique_ptr<KvReplayBuffer> buffer(new KvReplayBuffer(family, prefix, options));
  if (options.policy != ReplayOptions::Policy::kNone) {
    PERENNIAL_RETURN_IF_ERROR(buffer->Load(store).WithContext("load replay memory '" + std::string(prefix) + "'"));
  }
  return std::unique_ptr<ReplayBuffer>(std::move(buffer));
}

// For people too: they see it in the status. Two pairs that read the same would only share a partition.
std::string KvReplayBuffer::PartitionKey(const Example& example) const {
  switch (options_.partition) {
    case ReplayOptions::Partition::kLabel:
      break;
    case ReplayOptions::Partition::kLabelAndSource:
      return example.label + " | " + example.source;
    case ReplayOptions::Partition::kLabelAndSlice:
      return example.label + " | " + example.slice;
  }
  return example.label;
}

bool KvReplayBuffer::Fits(uint64_t more_examples, uint64_t more_bytes) const {
  return table_.size() + more_examples <= options_.capacity && table_.bytes() + more_bytes <= options_.capacity_bytes;
}

void KvReplayBuffer::Add(Example example, Rng& rng) {
  if (options_.policy == ReplayOptions::Policy::kNone) return;
  const uint64_t bytes = BytesOf(example);
  const uint32_t partition = table_.See(PartitionKey(example));
  if (bytes > options_.capacity_bytes) return;
  const ReplayPolicy::Verdict verdict = policy_->Offer(table_, partition, !Fits(1, bytes), rng);
  if (!verdict.keep) return;
  if (verdict.evict) table_.Evict(*verdict.evict);
  while (!Fits(1, bytes)) table_.Evict(policy_->Victim(table_, rng));
  table_.Append(std::make_shared<const Example>(std::move(example)), partition);
}

// Fisher and Yates' shuffle, as far as it is needed, on an array that is only kept where it differs from 0, 1, 2, ...
std::vector<std::shared_ptr<const Example>> KvReplayBuffer::Draw(size_t count, Rng& rng) const {
  const size_t size = table_.size();
  count = std::min(count, size);
  std::unordered_map<size_t, size_t> moved;
  moved.reserve(2 * count);
  const auto value_at = [&moved](size_t i) {
    const auto found = moved.find(i);
    return found == moved.end() ? i : found->second;
  };
  std::vector<std::shared_ptr<const Example>> drawn;
  drawn.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const size_t j = i + rng.Below(size - i);
    drawn.push_back(table_.at(static_cast<uint32_t>(value_at(j))).example);
    moved[j] = value_at(i);
  }
  return drawn;
}

std::vector<std::pair<std::string, size_t>> KvReplayBuffer::Partitions() const {
  std::vector<std::pair<std::string, size_t>> sizes;
  for (uint32_t number = 0; number < table_.partitions().count(); ++number) {
    const Partition& partition = table_.partitions().at(number);
    if (!partition.members.empty()) sizes.emplace_back(partition.key, partition.members.size());
  }
  return sizes;
}

void KvReplayBuffer::ContributeTo(kv::WriteBatch& batch) {
  if (options_.policy == ReplayOptions::Policy::kNone) return;
  if (pending_) table_.ReturnChanges(*pending_);
  pending_ = table_.TakeChanges();
  for (const uint64_t id : pending_->removed) batch.Delete(family_, Key(prefix_, KeyKind::kExample, id));
  for (const uint32_t number : pending_->slots) {
    std::string key = Key(prefix_, KeyKind::kSlot, number);
    if (number >= table_.size()) {
      batch.Delete(family_, std::move(key));
      continue;
    }
    const Slot& slot = table_.at(number);
    batch.Put(family_, std::move(key), EncodeSlot(slot));
    if (pending_->added.contains(slot.id)) {
      batch.Put(family_, Key(prefix_, KeyKind::kExample, slot.id), EncodeExample(*slot.example));
    }
  }
  for (const uint32_t number : pending_->partitions) {
    batch.Put(family_, Key(prefix_, KeyKind::kPartition, number), EncodePartition(table_.partitions().at(number)));
  }
  const Header header{.partition = options_.partition,
                      .seen = table_.seen(),
                      .next_id = table_.next_id(),
                      .slots = table_.size(),
                      .partitions = table_.partitions().count()};
  batch.Put(family_, Key(prefix_, KeyKind::kHeader, 0), EncodeHeader(header));
}

}  // namespace perennial::replay
