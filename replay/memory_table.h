#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "replay/chunked_vector.h"
#include "replay/dirty_set.h"
#include "replay/partition_index.h"
#include "storage/base/status.h"

namespace perennial::replay {

// A place in the memory. The example itself lies elsewhere, under its id.
struct Slot {
  uint64_t id = 0;  // of the example, counted from 1 in order of admission; never used twice
  uint32_t partition = 0;
  uint32_t position = 0;  // among the partition's members
  uint32_t bytes = 0;     // what the example counts against the budget; not saved, the example tells
  uint32_t source = 0;    // its number (source_use.h), where sources are limited; not saved likewise
};

// What changed since the table was last saved.
struct TableChanges {
  std::vector<uint32_t> slots;       // to be written, or deleted when beyond the end
  std::vector<uint32_t> partitions;  // to be written
};

// Which examples are held: slots 0 .. size-1 without holes, and their partitions. Every operation is O(1); the last
// slot fills a hole. About 40 bytes a slot, members included. Owned by the buffer. Thread-compatible.
class MemoryTable {
 public:
  size_t size() const { return slots_.size(); }
  uint64_t bytes() const { return bytes_; }
  uint64_t seen() const { return seen_; }  // examples offered so far
  const Slot& at(uint32_t slot) const { return slots_[slot]; }
  const PartitionIndex& partitions() const { return partitions_; }

  // Counts an arriving example; returns its partition's number.
  uint32_t See(const std::string& partition_key);
  // The partition had `before` members and lost some that are to count as never seen: takes back their share of what
  // was seen, seen * (before - now) / before, rounded up. A partition that lost all starts anew.
  void Unsee(uint32_t partition, size_t before);
  void MarkLargest(uint32_t partition) { partitions_.MarkLargest(partition); }
  // Returns the new example's id.
  uint64_t Append(uint32_t bytes, uint32_t partition, uint32_t source = 0);
  void Evict(uint32_t slot);

  // Hands out the changes and starts counting new ones.
  TableChanges TakeChanges();
  // Puts back changes that were taken and not stored.
  void ReturnChanges(const TableChanges& changes);

  // Counts slots and partitions as changed.
  void MarkAllChanged();

  uint64_t next_id() const { return next_id_; }
  // Replaces everything by what was saved; checks that slots and members agree.
  Status Restore(const std::vector<Slot>& slots, std::vector<Partition> partitions, uint64_t seen, uint64_t next_id);

 private:
  ChunkedVector<Slot> slots_;
  PartitionIndex partitions_;
  uint64_t bytes_ = 0;
  uint64_t seen_ = 0;
  uint64_t next_id_ = 1;
  DirtySet dirty_slots_;
};

}  // namespace perennial::replay
