#include "replay/memory_table.h"

#include <algorithm>

namespace perennial::replay {

uint32_t MemoryTable::See(const std::string& partition_key) {
  ++seen_;
  const uint32_t partition = partitions_.Intern(partition_key);
  partitions_.See(partition);
  return partition;
}

void MemoryTable::Unsee(uint32_t partition, size_t before) {
  const Partition& own = partitions_.at(partition);
  const size_t now = own.members.size();
  if (now == before) return;
  const uint64_t seen = std::max<uint64_t>(now, own.seen / before * now + own.seen % before * now / before);
  seen_ -= own.seen - seen;
  partitions_.SetSeen(partition, seen);
}

uint64_t MemoryTable::Append(uint32_t bytes, uint32_t partition, uint32_t source) {
  const auto slot = static_cast<uint32_t>(slots_.size());
  bytes_ += bytes;
  slots_.push_back({next_id_, partition, partitions_.Insert(partition, slot), bytes, source});
  dirty_slots_.Mark(slot);
  return next_id_++;
}

void MemoryTable::Evict(uint32_t slot) {
  const Slot leaving = slots_[slot];
  bytes_ -= leaving.bytes;
  const uint32_t moved_member = partitions_.Erase(leaving.partition, leaving.position);
  slots_[moved_member].position = leaving.position;
  dirty_slots_.Mark(moved_member);

  const auto last = static_cast<uint32_t>(slots_.size() - 1);
  if (slot != last) {
    slots_[slot] = slots_[last];
    partitions_.Rename(slots_[slot].partition, slots_[slot].position, slot);
  }
  slots_.pop_back();
  dirty_slots_.Mark(slot);
  dirty_slots_.Mark(last);
}

TableChanges MemoryTable::TakeChanges() {
  return {.slots = dirty_slots_.Take(), .partitions = partitions_.dirty().Take()};
}

void MemoryTable::ReturnChanges(const TableChanges& changes) {
  for (const uint32_t slot : changes.slots) dirty_slots_.Mark(slot);
  for (const uint32_t partition : changes.partitions) partitions_.dirty().Mark(partition);
}

void MemoryTable::MarkAllChanged() {
  for (uint32_t slot = 0; slot < slots_.size(); ++slot) dirty_slots_.Mark(slot);
  for (uint32_t partition = 0; partition < partitions_.count(); ++partition) partitions_.dirty().Mark(partition);
}

Status MemoryTable::Restore(const std::vector<Slot>& slots, std::vector<Partition> partitions, uint64_t seen,
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
    bytes_ += slot.bytes;
  }
  for (const Partition& partition : partitions) {
    for (const uint32_t member : partition.members) {
      if (member == UINT32_MAX) return Corruption("replay partition '" + partition.key + "' has a hole");
    }
  }
  PERENNIAL_RETURN_IF_ERROR(partitions_.Restore(std::move(partitions)));
  for (const Slot& slot : slots) slots_.push_back(slot);
  seen_ = seen;
  next_id_ = next_id;
  return Status::Ok();
}

}  // namespace perennial::replay
