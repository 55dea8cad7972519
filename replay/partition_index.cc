#include "replay/partition_index.h"

#include <algorithm>

namespace perennial::replay {

uint32_t PartitionIndex::Intern(const std::string& key) {
  const auto [place, is_new] = numbers_.emplace(key, static_cast<uint32_t>(partitions_.size()));
  if (is_new) {
    partitions_.emplace_back().key = key;
    EnterBucket(place->second);
  }
  return place->second;
}

void PartitionIndex::See(uint32_t partition) {
  ++partitions_[partition].seen;
  dirty_.Mark(partition);
}

void PartitionIndex::SetSeen(uint32_t partition, uint64_t seen) {
  partitions_[partition].seen = seen;
  if (seen == 0) partitions_[partition].was_largest = false;
  dirty_.Mark(partition);
}

void PartitionIndex::MarkLargest(uint32_t partition) {
  partitions_[partition].was_largest = true;
  dirty_.Mark(partition);
}

uint32_t PartitionIndex::Insert(uint32_t partition, uint32_t slot) {
  LeaveBucket(partition);
  std::vector<uint32_t>& members = partitions_[partition].members;
  members.push_back(slot);
  EnterBucket(partition);
  return static_cast<uint32_t>(members.size() - 1);
}

uint32_t PartitionIndex::Erase(uint32_t partition, uint32_t position) {
  LeaveBucket(partition);
  std::vector<uint32_t>& members = partitions_[partition].members;
  const uint32_t moved = members.back();
  members[position] = moved;
  members.pop_back();
  EnterBucket(partition);
  return moved;
}

void PartitionIndex::LeaveBucket(uint32_t partition) {
  Partition& leaving = partitions_[partition];
  const auto found = buckets_.find(leaving.members.size());
  std::vector<uint32_t>& bucket = found->second;
  const uint32_t last = bucket.back();
  bucket[leaving.bucket_position] = last;
  partitions_[last].bucket_position = leaving.bucket_position;
  bucket.pop_back();
  if (bucket.empty()) buckets_.erase(found);
  dirty_.Mark(last);
}

void PartitionIndex::EnterBucket(uint32_t partition) {
  Partition& entering = partitions_[partition];
  const size_t size = entering.members.size();
  std::vector<uint32_t>& bucket = buckets_[size];
  entering.bucket_position = static_cast<uint32_t>(bucket.size());
  bucket.push_back(partition);
  dirty_.Mark(partition);
  // A partition's size changes by one, so the largest size does too.
  largest_size_ = std::max(largest_size_, size);
  while (largest_size_ > 0 && !buckets_.contains(largest_size_)) --largest_size_;
}

Status PartitionIndex::Restore(std::vector<Partition> partitions) {
  *this = PartitionIndex();
  partitions_ = std::move(partitions);
  for (const Partition& partition : partitions_) {
    largest_size_ = std::max(largest_size_, partition.members.size());
  }
  for (const Partition& partition : partitions_) buckets_[partition.members.size()].push_back(UINT32_MAX);
  for (uint32_t number = 0; number < partitions_.size(); ++number) {
    const Partition& partition = partitions_[number];
    std::vector<uint32_t>& bucket = buckets_[partition.members.size()];
    if (partition.bucket_position >= bucket.size() || bucket[partition.bucket_position] != UINT32_MAX) {
      return Corruption("replay partition '" + partition.key + "' has a wrong place");
    }
    bucket[partition.bucket_position] = number;
    if (!numbers_.emplace(partition.key, number).second) {
      return Corruption("replay partition '" + partition.key + "' is there twice");
    }
  }
  return Status::Ok();
}

}  // namespace perennial::replay
