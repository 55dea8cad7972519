#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "replay/example.h"

namespace perennial::replay {

// Decoded examples by id, at most `capacity` bytes of them; the one that came first makes room (draws are uniform, so
// no order of use would serve better). What it holds never decides what is drawn. Every operation is O(1), amortised.
// Owned by the buffer. Thread-compatible.
class ExampleCache {
 public:
  explicit ExampleCache(uint64_t capacity) : capacity_(capacity) {}

  // Null when it is not here. Valid until the next change.
  const std::shared_ptr<const Example>* Find(uint64_t id) const;
  // REQUIRES `id` is not here. Not kept when it is larger than the whole cache.
  void Insert(uint64_t id, std::shared_ptr<const Example> example);
  void Erase(uint64_t id);

  size_t size() const { return entries_.size(); }
  uint64_t bytes() const { return bytes_; }

 private:
  struct Entry {
    uint64_t id = 0;
    std::shared_ptr<const Example> example;
  };
  void EraseAt(size_t place);

  const uint64_t capacity_;
  std::vector<Entry> entries_;
  std::unordered_map<uint64_t, uint32_t> places_;
  uint64_t bytes_ = 0;
  size_t next_ = 0;  // whose turn it is to make room
};

// What a decoded example takes in memory, approximately: pixels, strings and what holds them together.
uint64_t CachedBytesOf(const Example& example);

}  // namespace perennial::replay
