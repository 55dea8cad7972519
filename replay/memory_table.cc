#include "replay/memory_table.h"

namespace perennial::replay {

uint64_t BytesOf(const Example& example) {
  return example.image.size() + example.text.size() + example.label.size() + example.source.size() +
         example.slice.size();
}

uint32_t MemoryTable::See(const std::string& partition_key) {
  ++seen_;
  const uint32_t partition = partitions_.Intern(partition_key);
  partitions_.See(partition);
  return partition;
}

void MemoryTable::Append(std::shared_ptr<const Example> example, uint32_t partition) {
  const auto slot = static_cast<uint32_t>(slots_.size());
  bytes_ += BytesOf(*example);
  const uint64_t id = next_id_++;
  slots_.push_back({std::move(example), id, partition, partitions_.Insert(partition, slot)});
  added_.insert(id);
  dirty_slots_.Mark(slot);
}

void MemoryTable::Evict(uint32_t slot) {
  const Slot leaving = slots_[slot];
  bytes_ -= BytesOf(*leaving.example);
  if (added_.erase(leaving.id) == 0) removed_.insert(leaving.id);
  const uint32_t moved_member = partitions_.Erase(leaving.partition, leaving.position);
  slots_[moved_member].position = leaving.position;
  dirty_slots_.Mark(moved_member);

  const auto last = static_cast<uint32_t>(slots_.size() - 1);
  if (slot != last) {
    slots_[slot] = std::move(slots_[last]);
    partitions_.Rename(slots_[slot].partition, slots_[slot].position, slot);
  }
  slots_.pop_back();
  dirty_slots_.Mark(slot);
  dirty_slots_.Mark(last);
}

TableChanges MemoryTable::TakeChanges() {
  TableChanges changes{.slots = dirty_slots_.numbers(),
                       .partitions = partitions_.dirty().numbers(),
                       .added = std::move(added_),
                       .removed = std::move(removed_)};
  dirty_slots_.Clear();
  partitions_.dirty().Clear();
  added_.clear();
  removed_.clear();
  return changes;
}

void MemoryTable::ReturnChanges(const TableChanges& changes) {
  for (const uint32_t slot : changes.slots) dirty_slots_.Mark(slot);
  for (const uint32_t partition : changes.partitions) partitions_.dirty().Mark(partition);
  for (const uint64_t id : changes.added) {
    if (!removed_.contains(id)) added_.insert(id);
  }
  removed_.insert(changes.removed.begin(), changes.removed.end());
}

void MemoryTable::MarkAllChanged() {
  for (uint32_t slot = 0; slot < slots_.size(); ++slot) dirty_slots_.Mark(slot);
  for (uint32_t partition = 0; partition < partitions_.count(); ++partition) partitions_.dirty().Mark(partition);
}

Status MemoryTable::Restore(std::vector<Slot> slots, std::vector<Partition> partitions, uint64_t seen,
                            uint64_t next_id) {
  *this = MemoryTable();
  for (uint32_t number = 0; number < slots.size(); ++number) {
    const Slot& slot = slots[number];
    if (slot.partition >= partitions.size() || slot.position >= slots.size() || slot.id >= next_id) {
      return Corruption("replay slot " + std::to_string(number) + " is out of range");
    }
    std::vector<uint32_t>& members = partitions[slot.partition].members;
    if (slot.position >= members.size()) members.resize(slot.position + 1, UINT32_MAX);
    if (members[slot.position] != UINT32_MAX) {
      return Corruption("replay slots " + std::to_string(number) + " and " + std::to_string(members[slot.position]) +
                        " claim one place");
    }
    members[slot.position] = number;
    bytes_ += BytesOf(*slot.example);
  }
  for (const Partition& partition : partitions) {
    for (const uint32_t member : partition.members) {
      if (member == UINT32_MAX) return Corruption("replay partition '" + partition.key + "' has a hole");
    }
  }
  PERENNIAL_RETURN_IF_ERROR(partitions_.Restore(std::move(partitions)));
  slots_ = std::move(slots);
  seen_ = seen;
  next_id_ = next_id;
  return Status::Ok();
}

}  // namespace perennial::replay
