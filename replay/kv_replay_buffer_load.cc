#include "replay/kv_replay_buffer.h"
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

// A picture over the limits has no pixels then.
Result<std::shared_ptr<const Example>> LoadExample(const kv::KvStore& store, kv::Family family, std::string_view prefix,
                                                   uint64_t id, const ReplayOptions& options) {
  PERENNIAL_ASSIGN_OR_RETURN(const auto bytes, store.Get(family, Key(prefix, KeyKind::kExample, id)));
  if (!bytes) return Corruption("example " + std::to_string(id) + " is missing");
  PERENNIAL_ASSIGN_OR_RETURN(Example example, DecodeExample(*bytes));
  if (!example.image.empty()) {
    const int side = options.image_size;
    Result<media::Image> decoded = media::DecodeImage(example.image, options.image_limits);
    if (decoded.ok()) {
      const bool fits = decoded->width == side && decoded->height == side;
      example.pixels =
          std::make_shared<const media::Image>(fits ? std::move(*decoded) : media::Resize(*decoded, side, side));
    } else if (decoded.status().code() != Code::kResourceExhausted) {
      return decoded.status().WithContext("picture of log entry " + example.offset.ToString());
    }
  }
  return std::make_shared<const Example>(std::move(example));
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
    PERENNIAL_ASSIGN_OR_RETURN(Slot slot, DecodeSlot(value));
    PERENNIAL_ASSIGN_OR_RETURN(slot.example, LoadExample(store, family_, prefix_, slot.id, options_));
    slots.push_back(std::move(slot));
  }
  PERENNIAL_RETURN_IF_ERROR(table_.Restore(std::move(slots), std::move(partitions), header.seen, header.next_id));
  PERENNIAL_RETURN_IF_ERROR(LoadStates(store, header.states));
  ForgetUnreadable();
  return Adapt(header.partition);
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

void KvReplayBuffer::ForgetUnreadable() {
  size_t forgotten = 0;
  // From the end: the last slot fills a hole, and it was looked at before.
  for (auto number = static_cast<uint32_t>(table_.size()); number-- > 0;) {
    const Example& example = *table_.at(number).example;
    if (example.image.empty() || example.pixels != nullptr) continue;
    Evict(number);
    ++forgotten;
  }
  if (forgotten > 0) log::Warn("replay_pictures_over_limits", {{"memory", prefix_}, {"forgotten", forgotten}});
}

Status KvReplayBuffer::Adapt(ReplayOptions::Partition saved_partition) {
  if (saved_partition != options_.partition) {
    // What the stream brought of each new partition is not known; what is held of it is the best guess.
    std::vector<Slot> slots;
    std::vector<Partition> partitions;
    PartitionIndex numbers;
    for (uint32_t number = 0; number < table_.size(); ++number) {
      Slot slot = table_.at(number);
      slot.partition = numbers.Intern(PartitionKey(*slot.example));
      slot.position = numbers.Insert(slot.partition, number);
      numbers.See(slot.partition);
      slots.push_back(std::move(slot));
    }
    for (uint32_t number = 0; number < numbers.count(); ++number) {
      partitions.push_back(numbers.at(number));
      partitions.back().members.clear();
    }
    const uint64_t seen = table_.seen();
    const uint64_t next_id = table_.next_id();
    PERENNIAL_RETURN_IF_ERROR(table_.Restore(std::move(slots), std::move(partitions), seen, next_id));
    table_.MarkAllChanged();
  }
  // The same eviction wherever it happens: there is no caller's random state at this point.
  Rng rng(table_.seen());
  while (table_.size() > 0 && !Fits(0, 0)) Evict(policy_->Victim(table_, rng));
  return Status::Ok();
}

}  // namespace perennial::replay
