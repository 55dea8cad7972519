#include <algorithm>
#include <numeric>

#include "replay/kv_replay_buffer.h"
#include "replay/payload.h"
#include "replay/replay_codec.h"
#include "storage/base/bytes.h"
#include "storage/base/log.h"

namespace perennial::replay {
namespace {

// Values 0 .. count-1 of one kind.
Result<std::vector<std::string>> ReadNumbered(const kv::KvStore& store, kv::Family family, std::string_view prefix,
                                              KeyKind kind, uint64_t count) {
  std::vector<std::string> values;
  const auto at = store.NewIterator(family);
  at->Seek(Key(prefix, kind, 0));
  for (uint64_t number = 0; number < count; ++number, at->Next()) {
    if (!at->Valid() || at->key() != Key(prefix, kind, number)) {
      PERENNIAL_RETURN_IF_ERROR(at->status());
      return Corruption(std::string("entry ") + static_cast<char>(kind) + std::to_string(number) + " is missing");
    }
    values.emplace_back(at->value());
  }
  PERENNIAL_RETURN_IF_ERROR(at->status());
  return values;
}

}  // namespace

Status KvReplayBuffer::Load(const kv::KvStore& store) {
  PERENNIAL_ASSIGN_OR_RETURN(const auto stored, store.Get(family_, Key(prefix_, KeyKind::kHeader, 0)));
  if (!stored) return Status::Ok();
  PERENNIAL_ASSIGN_OR_RETURN(const Header header, DecodeHeader(*stored));
  std::vector<Partition> partitions;
  PERENNIAL_ASSIGN_OR_RETURN(const auto partition_values,
                             ReadNumbered(store, family_, prefix_, KeyKind::kPartition, header.partitions));
  for (const std::string& value : partition_values) {
    PERENNIAL_ASSIGN_OR_RETURN(Partition partition, DecodePartition(value));
    partitions.push_back(std::move(partition));
  }
  std::vector<Slot> slots;
  PERENNIAL_ASSIGN_OR_RETURN(const auto slot_values,
                             ReadNumbered(store, family_, prefix_, KeyKind::kSlot, header.slots));
  for (const std::string& value : slot_values) {
    PERENNIAL_ASSIGN_OR_RETURN(const Slot slot, DecodeSlot(value));
    slots.push_back(slot);
  }
  const bool other_rule = header.partition != options_.partition;
  PERENNIAL_ASSIGN_OR_RETURN(Surveyed surveyed, Survey(store, std::move(slots), other_rule));
  PERENNIAL_RETURN_IF_ERROR(table_.Restore(surveyed.slots, std::move(partitions), header.seen, header.next_id));
  if (other_rule) PERENNIAL_RETURN_IF_ERROR(Repartition(std::move(surveyed.slots), surveyed.keys));
  PERENNIAL_RETURN_IF_ERROR(LoadStates(store, header.states));
  PERENNIAL_RETURN_IF_ERROR(LoadFeatures(store));
  // From the end: the last slot fills a hole, and it was looked at before.
  std::sort(surveyed.unreadable.rbegin(), surveyed.unreadable.rend());
  for (const uint32_t slot : surveyed.unreadable) Evict(slot);
  if (!surveyed.unreadable.empty()) {
    log::Warn("replay_pictures_over_limits", {{"memory", prefix_}, {"forgotten", surveyed.unreadable.size()}});
  }
  Shrink();
  return Status::Ok();
}

Result<KvReplayBuffer::Surveyed> KvReplayBuffer::Survey(const kv::KvStore& store, std::vector<Slot> slots,
                                                        bool other_rule) {
  Surveyed surveyed{.slots = std::move(slots), .keys = {}, .unreadable = {}};
  if (other_rule) surveyed.keys.resize(surveyed.slots.size());
  // In the order of the records.
  std::vector<uint32_t> by_id(surveyed.slots.size());
  std::iota(by_id.begin(), by_id.end(), 0U);
  const auto id_of = [&](uint32_t slot) { return surveyed.slots[slot].id; };
  std::sort(by_id.begin(), by_id.end(), [&](uint32_t a, uint32_t b) { return id_of(a) < id_of(b); });
  const auto at = store.NewIterator(family_);
  at->Seek(Key(prefix_, KeyKind::kExample, 0));
  for (const uint32_t number : by_id) {
    Slot& slot = surveyed.slots[number];
    const std::string key = Key(prefix_, KeyKind::kExample, slot.id);
    while (at->Valid() && at->key() < key) at->Next();
    if (!at->Valid() || at->key() != key) {
      PERENNIAL_RETURN_IF_ERROR(at->status());
      return Corruption("example " + std::to_string(slot.id) + " is missing");
    }
    PERENNIAL_ASSIGN_OR_RETURN(const Record record, DecodeRecord(at->value()));
    if (record.Bytes() > UINT32_MAX) return Corruption("example " + std::to_string(slot.id) + " is too large");
    slot.bytes = static_cast<uint32_t>(record.Bytes());
    if (knows_sources_) {
      const SourceUse::Pin pin(sources_, std::string(record.source));
      slot.source = pin.number();
      sources_.Add(slot.source, slot.bytes);
    }
    if (other_rule) surveyed.keys[number] = PartitionKey(record.label, record.source, record.slice);
    if (record.payload_kind != Record::Payload::kEncoded) continue;
    const Status readable = media::ProbeImage(record.payload, options_.image_limits).status();
    if (readable.code() == Code::kResourceExhausted) {
      surveyed.unreadable.push_back(number);
    } else if (!readable.ok()) {
      return Corruption("picture of log entry " + record.offset.ToString() + ": " + std::string(readable.message()));
    }
  }
  PERENNIAL_RETURN_IF_ERROR(at->status());
  return surveyed;
}

Status KvReplayBuffer::LoadStates(const kv::KvStore& store, uint64_t count) {
  if (!options_.item_state) {
    drop_states_ = count > 0;
    return Status::Ok();
  }
  for (uint32_t number = 0; number < table_.size(); ++number) states_.Restore(table_.at(number).id, ItemState());
  const std::string first = Key(prefix_, KeyKind::kState, 0);
  const std::string_view kind = std::string_view(first).substr(0, first.size() - sizeof(uint64_t));
  const auto at = store.NewIterator(family_);
  for (at->Seek(first); at->Valid() && at->key().starts_with(kind); at->Next()) {
    if (at->key().size() != first.size()) return Corruption("a state has a malformed key");
    const uint64_t id = ReadBigEndian64(at->key().substr(kind.size()));
    PERENNIAL_ASSIGN_OR_RETURN(ItemState state, DecodeState(at->value()));
    if (!states_.Holds(id)) return Corruption("state " + std::to_string(id) + " is of no example");
    states_.Restore(id, std::move(state));
  }
  PERENNIAL_RETURN_IF_ERROR(at->status());
  if (states_.filled() == count) return Status::Ok();
  return Corruption(std::to_string(states_.filled()) + " states are there, the header counts " + std::to_string(count));
}

Status KvReplayBuffer::LoadFeatures(const kv::KvStore& store) {
  if (!herds_) {
    const std::string first = Key(prefix_, KeyKind::kFeature, 0);
    const auto at = store.NewIterator(family_);
    at->Seek(first);
    drop_features_ = at->Valid() && at->key().starts_with(std::string_view(first).substr(0, first.size() - 8));
    return at->status();
  }
  for (uint32_t number = 0; number < table_.size(); ++number) {
    const Slot& slot = table_.at(number);
    PERENNIAL_ASSIGN_OR_RETURN(const auto saved, store.Get(family_, Key(prefix_, KeyKind::kFeature, slot.id)));
    if (saved) {
      PERENNIAL_ASSIGN_OR_RETURN(const Feature feature, DecodeFeature(*saved));
      features_.Restore(slot.id, slot.partition, feature);
      continue;
    }
    // Remembered by another policy.
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<std::string> record, records_.Read({slot.id}));
    const Result<Example> example = ExampleOf(record[0], options_);
    features_.Restore(slot.id, slot.partition, example.ok() ? FeatureOf(*example, options_.image_limits) : Feature());
    features_.MarkAdded(slot.id);
  }
  for (uint32_t number = 0; number < table_.partitions().count(); ++number) {
    PERENNIAL_ASSIGN_OR_RETURN(const auto saved, store.Get(family_, Key(prefix_, KeyKind::kMean, number)));
    features_.RestoreMean(number, table_.partitions().at(number).key, saved ? &*saved : nullptr);
  }
  return Status::Ok();
}

Status KvReplayBuffer::Repartition(std::vector<Slot> slots, const std::vector<std::string>& keys) {
  // What the stream brought of each new partition is not known; what is held of it is the best guess.
  PartitionIndex numbers;
  for (uint32_t number = 0; number < slots.size(); ++number) {
    Slot& slot = slots[number];
    slot.partition = numbers.Intern(keys[number]);
    slot.position = numbers.Insert(slot.partition, number);
    numbers.See(slot.partition);
  }
  std::vector<Partition> partitions;
  for (uint32_t number = 0; number < numbers.count(); ++number) {
    partitions.push_back(numbers.at(number));
    partitions.back().members.clear();
  }
  PERENNIAL_RETURN_IF_ERROR(table_.Restore(slots, std::move(partitions), table_.seen(), table_.next_id()));
  table_.MarkAllChanged();
  return Status::Ok();
}

void KvReplayBuffer::Shrink() {
  // The same eviction wherever it happens: there is no caller's random state at this point.
  Rng rng(table_.seen());
  for (uint32_t source = 0; source < sources_.count(); ++source) {
    while (sources_.IsOver(source)) Evict(VictimOf(source, rng));
  }
  while (table_.size() > 0 && !Fits(0, 0)) Evict(policy_->Victim(table_, rng));
}

}  // namespace perennial::replay
