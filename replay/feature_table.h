#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "replay/dirty_set.h"
#include "replay/feature.h"
#include "storage/base/status.h"

namespace perennial::replay {

// What changed since the features were last saved.
struct FeatureChanges {
  std::unordered_set<uint64_t> added;    // to be written
  std::unordered_set<uint64_t> removed;  // may be stored and must not be
  std::vector<uint32_t> means;           // of partitions, to be written
};

// The features of the examples that are held, by example id, and by partition the mean of what the stream brought and
// of what is held. Means are exact integer sums, so that order and restarts leave no trace. About 130 bytes an example.
// Used by herding only: without it, empty. Every operation is O(1) in the examples held. Owned by the buffer.
// Thread-compatible.
class FeatureTable {
 public:
  // An example of the partition arrives: it counts in the stream's mean, and is arriving() until the next one.
  void Meet(uint32_t partition, const Feature& feature);
  const Feature& arriving() const { return arriving_; }
  // The arriving example is kept under `id`.
  void Keep(uint64_t id, uint32_t partition);
  void Remove(uint64_t id, uint32_t partition);
  // Some of what the stream brought is to count as never seen, and with it went members of the partition, which had
  // `before`. What of the mean was theirs nobody can tell, for most of the stream was not kept: the stream's mean is now
  // that of what is held, and its examples are fewer in proportion.
  void Unmeet(uint32_t partition, size_t before);
  // REQUIRES it is held.
  const Feature& Of(uint64_t id) const { return features_.at(id); }

  // Squared distance between the mean of what the stream brought of the partition and that of what is held of it, with
  // `joins` and without `leaves` (null: none). Infinite when nothing would be held.
  double Distance(uint32_t partition, const Feature* joins, const Feature* leaves) const;

  // From the store: not a change.
  void Restore(uint64_t id, uint32_t partition, const Feature& feature);
  // The next checkpoint is to bring it: it was not in the store.
  void MarkAdded(uint64_t id) { added_.insert(id); }
  // Before the first checkpoint with herding there is no mean of the stream: then that of what is held is taken, and
  // the next checkpoint brings it.
  void RestoreMean(uint32_t partition, std::string_view key, const std::string* saved);
  // The stream's mean of a partition called `key`, as it is saved: bytes key, varint examples, i64 sums.
  std::string EncodeMean(uint32_t partition, std::string_view key) const;
  // As MemoryTable's.
  FeatureChanges TakeChanges();
  void ReturnChanges(const FeatureChanges& changes);

 private:
  struct Sum {
    uint64_t count = 0;
    std::array<int64_t, kFeatures> of{};
    void Add(const Feature& feature, int64_t times);
  };
  struct Means {
    Sum stream, held;
  };
  Means& At(uint32_t partition);

  Feature arriving_{};
  std::unordered_map<uint64_t, Feature> features_;
  std::vector<Means> means_;  // by partition
  std::unordered_set<uint64_t> added_, removed_;
  DirtySet dirty_means_;
};

}  // namespace perennial::replay
