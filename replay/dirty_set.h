#pragma once

#include <cstdint>
#include <utility>
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
  // All of them; none is marked afterwards.
  std::vector<uint32_t> Take() {
    for (const uint32_t number : numbers_) marked_[number] = false;
    return std::exchange(numbers_, {});
  }

 private:
  std::vector<bool> marked_;
  std::vector<uint32_t> numbers_;
};

}  // namespace perennial::replay
