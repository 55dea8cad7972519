#include "replay/kv_replay_buffer.h"

#include <algorithm>

#include "replay/payload.h"

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
  std::unique_ptr<KvReplayBuffer> buffer(new KvReplayBuffer(store, family, prefix, options));
  if (options.policy != ReplayOptions::Policy::kNone) {
    PERENNIAL_RETURN_IF_ERROR(buffer->Load(store).WithContext("load replay memory '" + std::string(prefix) + "'"));
  }
  return std::unique_ptr<ReplayBuffer>(std::move(buffer));
}

// For people too: they see it in the status. Two pairs that read the same would only share a partition.
std::string KvReplayBuffer::PartitionKey(std::string_view label, std::string_view source,
                                         std::string_view slice) const {
  std::string key(label);
  if (options_.partition == ReplayOptions::Partition::kLabel) return key;
  key += " | ";
  key += options_.partition == ReplayOptions::Partition::kLabelAndSource ? source : slice;
  return key;
}

bool KvReplayBuffer::Fits(uint64_t more_examples, uint64_t more_bytes) const {
  return table_.size() + more_examples <= options_.capacity && bytes() + more_bytes <= options_.capacity_bytes;
}

void KvReplayBuffer::Evict(uint32_t slot) {
  const uint64_t id = table_.at(slot).id;
  records_.Remove(id);
  cache_.Erase(id);
  if (options_.item_state) states_.Remove(id);
  table_.Evict(slot);
}

uint64_t KvReplayBuffer::Add(Example example, ItemState state, Rng& rng) {
  if (options_.policy == ReplayOptions::Policy::kNone) return 0;
  if (!options_.item_state) state = ItemState();
  const uint32_t partition = table_.See(PartitionKey(example.label, example.source, example.slice));
  while (table_.size() > 0 && !Fits(0, 0)) Evict(policy_->Victim(table_, rng));  // states that grew
  // Packing a picture is most of the work, so that is left out when the policy drops the example whatever its size.
  ReplayPolicy::Verdict verdict;
  const bool full = !Fits(1, 0);
  if (full) verdict = policy_->Offer(table_, partition, true, rng);
  if (full && !verdict.keep) return 0;
  auto [record, record_bytes] = RecordOf(example, options_);
  const uint64_t bytes = record_bytes + BytesOf(state);
  if (bytes > options_.capacity_bytes || record_bytes > UINT32_MAX) return 0;
  if (!full) verdict = policy_->Offer(table_, partition, !Fits(1, bytes), rng);
  if (!verdict.keep) return 0;
  if (verdict.evict) Evict(*verdict.evict);
  while (!Fits(1, bytes)) Evict(policy_->Victim(table_, rng));
  const uint64_t id = table_.Append(static_cast<uint32_t>(record_bytes), partition);
  Result<Example> drawable = DrawableOf(std::move(example), record, options_);
  // One that cannot be read is an error of the draw that wants it.
  if (drawable.ok()) cache_.Insert(id, std::make_shared<const Example>(std::move(*drawable)));
  records_.Add(id, std::move(record));
  if (options_.item_state) states_.Add(id, std::move(state));
  return id;
}

void KvReplayBuffer::SetState(uint64_t id, ItemState state) {
  if (options_.item_state) states_.Set(id, std::move(state));
}

Result<std::vector<Drawn>> KvReplayBuffer::Draw(size_t count, Rng& rng) {
  const std::vector<uint32_t>& places = permutation_.Draw(std::min(count, table_.size()), table_.size(), rng);
  // In rounds over the whole draw, so that the misses of the processor's caches overlap. The last round, which counts
  // references, would be a barrier between any two examples.
  std::vector<Drawn> drawn(places.size());
  cached_.resize(places.size());
  for (size_t i = 0; i < places.size(); ++i) drawn[i].id = table_.at(places[i]).id;
  for (size_t i = 0; i < places.size(); ++i) {
    cached_[i] = cache_.Find(drawn[i].id);
    if (cached_[i] != nullptr) __builtin_prefetch(cached_[i]->get());
  }
  for (const auto* example : cached_) {
    if (example != nullptr) __builtin_prefetch((*example)->pixels.get());
  }
  for (const auto* example : cached_) {
    if (example != nullptr && (*example)->pixels != nullptr) __builtin_prefetch((*example)->pixels->pixels.data());
  }
  bool all_cached = true;
  for (size_t i = 0; i < places.size(); ++i) {
    if (cached_[i] != nullptr) drawn[i].example = *cached_[i];
    if (options_.item_state) drawn[i].state = states_.Find(drawn[i].id);
    all_cached = all_cached && cached_[i] != nullptr;
  }
  if (!all_cached) {
    PERENNIAL_RETURN_IF_ERROR(Fetch(drawn).WithContext("draw from replay memory '" + prefix_ + "'"));
  }
  return drawn;
}

Status KvReplayBuffer::Fetch(std::vector<Drawn>& drawn) {
  std::vector<uint64_t> ids;
  for (const Drawn& one : drawn) {
    if (one.example == nullptr) ids.push_back(one.id);
  }
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<std::string> records, records_.Read(ids));
  size_t next = 0;
  for (Drawn& one : drawn) {
    if (one.example != nullptr) continue;
    PERENNIAL_ASSIGN_OR_RETURN(Example example, ExampleOf(records[next++], options_));
    one.example = std::make_shared<const Example>(std::move(example));
    cache_.Insert(one.id, one.example);
  }
  return Status::Ok();
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
  records_.ContributeTo(batch);
  for (const uint32_t number : pending_->slots) {
    std::string key = Key(prefix_, KeyKind::kSlot, number);
    if (number < table_.size()) {
      batch.Put(family_, std::move(key), EncodeSlot(table_.at(number)));
    } else {
      batch.Delete(family_, std::move(key));
    }
  }
  for (const uint32_t number : pending_->partitions) {
    batch.Put(family_, Key(prefix_, KeyKind::kPartition, number), EncodePartition(table_.partitions().at(number)));
  }
  ContributeStates(batch);
  batch.Put(family_, Key(prefix_, KeyKind::kHeader, 0), EncodeHeader(HeaderNow()));
}

void KvReplayBuffer::ContributeStates(kv::WriteBatch& batch) {
  if (drop_states_) {
    batch.DeleteRange(family_, Key(prefix_, KeyKind::kState, 0), Key(prefix_, KeyKind::kState, UINT64_MAX));
  }
  if (!options_.item_state) return;
  if (pending_states_) states_.ReturnChanges(*pending_states_);
  pending_states_ = states_.TakeChanges();
  for (const uint64_t id : pending_states_->removed) batch.Delete(family_, Key(prefix_, KeyKind::kState, id));
  for (const uint64_t id : pending_states_->changed) {
    batch.Put(family_, Key(prefix_, KeyKind::kState, id), EncodeState(*states_.Find(id)));
  }
}

void KvReplayBuffer::Confirm() {
  pending_.reset();
  pending_states_.reset();
  records_.Confirm();
  drop_states_ = false;
}

Header KvReplayBuffer::HeaderNow() const {
  return {.partition = options_.partition,
          .seen = table_.seen(),
          .next_id = table_.next_id(),
          .slots = table_.size(),
          .partitions = table_.partitions().count(),
          .states = states_.filled()};
}

Result<Hash256> KvReplayBuffer::Digest() const {
  Sha256Stream hash;
  hash.Update(EncodeHeader(HeaderNow()));
  for (uint32_t number = 0; number < table_.partitions().count(); ++number) {
    hash.Update(EncodePartition(table_.partitions().at(number)));
  }
  for (uint32_t number = 0; number < table_.size(); ++number) {
    const Slot& slot = table_.at(number);
    hash.Update(EncodeSlot(slot));
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<std::string> record, records_.Read({slot.id}));
    hash.Update(record[0]);
    const std::shared_ptr<const ItemState> state = states_.Find(slot.id);
    if (state != nullptr) hash.Update(EncodeState(*state));
  }
  return hash.Finish();
}

}  // namespace perennial::replay
