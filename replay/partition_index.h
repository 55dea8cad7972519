#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "replay/dirty_set.h"
#include "storage/base/status.h"

namespace perennial::replay {

// One partition of the memory and what the stream has brought of it. Its place and its members' order decide later
// draws, so they are state and are saved.
struct Partition {
  std::string key;
  uint64_t seen = 0;              // examples of it that arrived so far
  bool was_largest = false;       // has been a largest partition while the memory was full
  uint32_t bucket_position = 0;   // within the bucket of its size
  std::vector<uint32_t> members;  // slots
};

// The partitions of the memory, bucketed by size so that "a largest one" and every change take O(1) time. Owned by
// MemoryTable. Thread-compatible.
class PartitionIndex {
 public:
  // The number of `key`; a new empty partition when it is unknown.
  uint32_t Intern(const std::string& key);
  void See(uint32_t partition);
  // As if so many had arrived; with none it has never been a largest one either.
  void SetSeen(uint32_t partition, uint64_t seen);
  void MarkLargest(uint32_t partition);

  // Adds `slot`; returns its position among the members.
  uint32_t Insert(uint32_t partition, uint32_t slot);
  // Removes the member at `position`. The last member takes its place: the return value is that one's slot, or the
  // removed slot itself when it was the last.
  uint32_t Erase(uint32_t partition, uint32_t position);
  // The member at `position` moved to another slot.
  void Rename(uint32_t partition, uint32_t position, uint32_t slot) { partitions_[partition].members[position] = slot; }

  // The partitions of the largest size (all of them while the memory is empty). REQUIRES count() > 0.
  const std::vector<uint32_t>& largest() const { return buckets_.at(largest_size_); }
  size_t largest_size() const { return largest_size_; }
  const Partition& at(uint32_t partition) const { return partitions_[partition]; }
  size_t count() const { return partitions_.size(); }

  DirtySet& dirty() { return dirty_; }
  // Replaces everything. kCorruption unless the bucket positions are a permutation in every bucket and keys are unique.
  Status Restore(std::vector<Partition> partitions);

 private:
  void LeaveBucket(uint32_t partition);
  void EnterBucket(uint32_t partition);

  std::vector<Partition> partitions_;
  std::unordered_map<std::string, uint32_t> numbers_;
  // Size -> the partitions of that size; sizes that occur only, as one partition may have millions of members.
  std::unordered_map<size_t, std::vector<uint32_t>> buckets_;
  size_t largest_size_ = 0;
  DirtySet dirty_;
};

}  // namespace perennial::replay
