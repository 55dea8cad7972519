#pragma once

#include <cstdint>
#include <memory>
#include <unordered_set>
#include <vector>

#include "replay/dirty_set.h"
#include "replay/example.h"
#include "replay/partition_index.h"

namespace perennial::replay {

// A place in the memory.
struct Slot {
  std::shared_ptr<const Example> example;
  uint64_t id = 0;  // of the example, counted from 1 in order of admission; never used twice
  uint32_t partition = 0;
  uint32_t position = 0;  // among the partition's members
};

// What changed since the table was last saved.
struct TableChanges {
  std::vector<uint32_t> slots;           // to be written, or deleted when beyond the end
  std::vector<uint32_t> partitions;      // to be written
  std::unordered_set<uint64_t> added;    // examples that are not stored
  std::unordered_set<uint64_t> removed;  // examples that may be stored and must not be
};

// The examples in slots 0 .. size-1 without holes, and their partitions. Every operation is O(1); the last slot fills a
// hole. Owned by the buffer. Thread-compatible.
class MemoryTable {
 public:
  size_t size() const { return slots_.size(); }
  uint64_t bytes() const { return bytes_; }
  uint64_t seen() const { return seen_; }  // examples offered so far
  const Slot& at(uint32_t slot) const { return slots_[slot]; }
  const PartitionIndex& partitions() const { return partitions_; }

  // Counts an arriving example; returns its partition's number.
  uint32_t See(const std::string& partition_key);
  void MarkLargest(uint32_t partition) { partitions_.MarkLargest(partition); }
  void Append(std::shared_ptr<const Example> example, uint32_t partition);
  void Evict(uint32_t slot);

  // Hands out the changes and starts counting new ones.
  TableChanges TakeChanges();
  // Puts back changes that were taken and not stored.
  void ReturnChanges(const TableChanges& changes);

  // Counts slots and partitions as changed, not the examples.
  void MarkAllChanged();

  uint64_t next_id() const { return next_id_; }
  // Replaces everything by what was saved; checks that slots and members agree.
  Status Restore(std::vector<Slot> slots, std::vector<Partition> partitions, uint64_t seen, uint64_t next_id);

 private:
  std::vector<Slot> slots_;
  PartitionIndex partitions_;
  uint64_t bytes_ = 0;
  uint64_t seen_ = 0;
  uint64_t next_id_ = 1;
  DirtySet dirty_slots_;
  std::unordered_set<uint64_t> added_;
  std::unordered_set<uint64_t> removed_;
};

// What an example counts against the budget: its encoded image and its strings.
uint64_t BytesOf(const Example& example);

}  // namespace perennial::replay
