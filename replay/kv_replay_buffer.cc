#include "replay/kv_replay_buffer.h"

#include <algorithm>
#include <cmath>

#include "replay/payload.h"

namespace perennial::replay {
namespace {

// Looked at for a slot of a source before all are looked through.
constexpr int kMostTries = 256;
// Of a source, from which the one of the largest partition goes.
constexpr int kCandidates = 8;
// Looked at for a draw within the limits, by example wanted.
constexpr size_t kPlacesPerDrawn = 4;

// A hair more than the product, so that 0.3 of 10 is 3.
uint64_t ShareOf(double share, uint64_t whole) {
  return std::max<uint64_t>(1, static_cast<uint64_t>(std::floor(share * static_cast<double>(whole) + 1e-9)));
}

}  // namespace

std::vector<std::string> ReplayBuffer::Families() { return {"replay"}; }

Result<std::unique_ptr<ReplayBuffer>> ReplayBuffer::Open(kv::KvStore& store, std::string_view prefix,
                                                         ReplayOptions options) {
  return KvReplayBuffer::Open(store, prefix, options);
}

Status ReplayBuffer::Drop(const kv::KvStore& store, std::string_view prefix, kv::WriteBatch& batch) {
  PERENNIAL_ASSIGN_OR_RETURN(const kv::Family family, store.FindFamily("replay"));
  for (const KeyKind kind :
       {KeyKind::kExample, KeyKind::kFeature, KeyKind::kHeader, KeyKind::kState, KeyKind::kMean, KeyKind::kPartition,
        KeyKind::kSlot}) {
    batch.DeleteRange(family, Key(prefix, kind, 0), Key(prefix, kind, UINT64_MAX));
  }
  return Status::Ok();
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
  if (herds_) features_.Remove(id, table_.at(slot).partition);
  if (knows_sources_) sources_.Remove(table_.at(slot).source, table_.at(slot).bytes);
  table_.Evict(slot);
}

SourceUse::Limits KvReplayBuffer::LimitsOf(const ReplayOptions& options) {
  if (!IsLimit(options.source_share)) return {};
  return {ShareOf(options.source_share, options.capacity), ShareOf(options.source_share, options.capacity_bytes)};
}

uint32_t KvReplayBuffer::RandomSlotOf(uint32_t source, Rng& rng) const {
  uint64_t slot = 0;
  for (int tries = 0; tries < kMostTries; ++tries) {
    slot = rng.Below(table_.size());
    if (table_.at(static_cast<uint32_t>(slot)).source == source) return static_cast<uint32_t>(slot);
  }
  while (table_.at(static_cast<uint32_t>(slot)).source != source) slot = (slot + 1) % table_.size();
  return static_cast<uint32_t>(slot);
}

uint32_t KvReplayBuffer::VictimOf(uint32_t source, Rng& rng) const {
  uint32_t chosen = RandomSlotOf(source, rng);
  if (options_.policy == ReplayOptions::Policy::kReservoir) return chosen;
  const auto size_of = [&](uint32_t slot) { return table_.partitions().at(table_.at(slot).partition).members.size(); };
  for (int i = 1; i < kCandidates; ++i) {
    const uint32_t other = RandomSlotOf(source, rng);
    if (size_of(other) > size_of(chosen)) chosen = other;
  }
  return chosen;
}

void KvReplayBuffer::MakeRoomFor(uint32_t source, uint64_t bytes, Rng& rng) {
  while (!sources_.Fits(source, bytes)) Evict(VictimOf(source, rng));
}

uint64_t KvReplayBuffer::Add(Example example, ItemState state, Rng& rng) {
  if (options_.policy == ReplayOptions::Policy::kNone) return 0;
  if (!options_.item_state) state = ItemState();
  const uint32_t partition = table_.See(PartitionKey(example.label, example.source, example.slice));
  if (herds_) features_.Meet(partition, FeatureOf(example, options_.image_limits));
  std::optional<SourceUse::Pin> pin;
  if (knows_sources_) pin.emplace(sources_, example.source);
  const uint32_t source = pin ? pin->number() : 0;
  const auto fits = [&](uint64_t more_bytes, uint64_t more_record_bytes) {
    return Fits(1, more_bytes) && (!knows_sources_ || sources_.Fits(source, more_record_bytes));
  };
  while (table_.size() > 0 && !Fits(0, 0)) Evict(policy_->Victim(table_, rng));  // states that grew
  // Packing a picture is most of the work, so that is left out when the policy drops the example whatever its size.
  ReplayPolicy::Verdict verdict;
  const bool full = !fits(0, 0);
  if (full) verdict = policy_->Offer(table_, partition, true, rng);
  if (full && !verdict.keep) return 0;
  auto [record, record_bytes] = RecordOf(example, options_);
  const uint64_t bytes = record_bytes + BytesOf(state);
  if (bytes > options_.capacity_bytes || record_bytes > UINT32_MAX) return 0;
  if (record_bytes > sources_.limits().bytes) return 0;
  if (!full) verdict = policy_->Offer(table_, partition, !fits(bytes, record_bytes), rng);
  if (!verdict.keep) return 0;
  // A source at its limit makes the room itself, whatever the policy would let go.
  const bool own = !knows_sources_ || sources_.Fits(source, record_bytes);
  if (verdict.evict && (own || table_.at(*verdict.evict).source == source)) Evict(*verdict.evict);
  if (knows_sources_) MakeRoomFor(source, record_bytes, rng);
  while (!Fits(1, bytes)) Evict(policy_->Victim(table_, rng));
  const uint64_t id = table_.Append(static_cast<uint32_t>(record_bytes), partition, source);
  if (knows_sources_) sources_.Add(source, record_bytes);
  if (herds_) features_.Keep(id, partition);
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

std::vector<uint32_t> KvReplayBuffer::PlacesWithinLimit(size_t count, Rng& rng) {
  const uint64_t most = ShareOf(options_.source_draw_share, count);
  const size_t looked_at = std::min(count * kPlacesPerDrawn, table_.size());
  std::vector<uint64_t> taken(sources_.count(), 0);
  std::vector<uint32_t> places;
  for (const uint32_t place : permutation_.Draw(looked_at, table_.size(), rng)) {
    if (places.size() == count) break;
    if (taken[table_.at(place).source]++ < most) places.push_back(place);
  }
  return places;
}

Result<size_t> KvReplayBuffer::Forget(std::string_view source) {
  constexpr uint32_t kChunk = 256;  // records in memory at once
  std::vector<uint32_t> leaving;
  for (uint32_t first = 0; first < table_.size(); first += kChunk) {
    std::vector<uint64_t> ids;
    for (uint32_t slot = first; slot < table_.size() && ids.size() < kChunk; ++slot) {
      ids.push_back(table_.at(slot).id);
    }
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<std::string> records, records_.Read(ids));
    for (size_t i = 0; i < records.size(); ++i) {
      PERENNIAL_ASSIGN_OR_RETURN(const Record record, DecodeRecord(records[i]));
      if (record.source == source) leaving.push_back(first + static_cast<uint32_t>(i));
    }
  }
  std::vector<size_t> before;
  for (uint32_t number = 0; number < table_.partitions().count(); ++number) {
    before.push_back(table_.partitions().at(number).members.size());
  }
  // From the end: the last slot fills a hole, and it stays.
  for (auto slot = leaving.rbegin(); slot != leaving.rend(); ++slot) Evict(*slot);
  for (uint32_t number = 0; number < before.size(); ++number) {
    if (herds_) features_.Unmeet(number, before[number]);
    table_.Unsee(number, before[number]);
  }
  drop_leftovers_ = true;
  return leaving.size();
}

Result<std::vector<Drawn>> KvReplayBuffer::Draw(size_t count, Rng& rng) {
  count = std::min(count, table_.size());
  if (IsLimit(options_.source_draw_share)) return Collect(PlacesWithinLimit(count, rng));
  return Collect(permutation_.Draw(count, table_.size(), rng));
}

Result<std::vector<Drawn>> KvReplayBuffer::Collect(const std::vector<uint32_t>& places) {
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
  ContributeFeatures(batch);
  for (const KeyKind kind : {KeyKind::kMean, KeyKind::kPartition}) {
    if (!drop_leftovers_) continue;
    batch.DeleteRange(family_, Key(prefix_, kind, table_.partitions().count()), Key(prefix_, kind, UINT64_MAX));
  }
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

void KvReplayBuffer::ContributeFeatures(kv::WriteBatch& batch) {
  if (drop_features_) {
    for (const KeyKind kind : {KeyKind::kFeature, KeyKind::kMean}) {
      batch.DeleteRange(family_, Key(prefix_, kind, 0), Key(prefix_, kind, UINT64_MAX));
    }
  }
  if (!herds_) return;
  if (pending_features_) features_.ReturnChanges(*pending_features_);
  pending_features_ = features_.TakeChanges();
  for (const uint64_t id : pending_features_->removed) batch.Delete(family_, Key(prefix_, KeyKind::kFeature, id));
  for (const uint64_t id : pending_features_->added) {
    batch.Put(family_, Key(prefix_, KeyKind::kFeature, id), EncodeFeature(features_.Of(id)));
  }
  for (const uint32_t number : pending_features_->means) {
    batch.Put(family_, Key(prefix_, KeyKind::kMean, number),
              features_.EncodeMean(number, table_.partitions().at(number).key));
  }
}

void KvReplayBuffer::Confirm() {
  pending_.reset();
  pending_states_.reset();
  pending_features_.reset();
  records_.Confirm();
  drop_states_ = drop_features_ = drop_leftovers_ = false;
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
    if (herds_) hash.Update(features_.EncodeMean(number, table_.partitions().at(number).key));
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
