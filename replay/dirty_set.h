#pragma once

#include <cstdint>
#include <vector>

namespace perennial::replay {

// Small numbers that were marked, each once, in the order of their first mark. All operations O(1). Thread-compatible.
class DirtySet {
 public:
  void Mark(uint32_t number) {
    if (number >= marked_.size()) marked_.resize(number + 1, false);
    if (marked_[number]) return;
    marked_[number] = true;
    numbers_.push_back(number);
  }
  const std::vector<uint32_t>& numbers() const { return numbers_; }
  void Clear() {
    for (const uint32_t number : numbers_) marked_[number] = false;
    numbers_.clear();
  }

 private:
  std::vector<bool> marked_;
  std::vector<uint32_t> numbers_;
};

}  // namespace perennial::replay
