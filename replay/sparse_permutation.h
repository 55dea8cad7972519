#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "storage/base/rng.h"

namespace perennial::replay {

// Draws without replacement from 0 .. size-1: Fisher and Yates' shuffle as far as it is needed, on an array that is
// only kept where it differs from 0, 1, 2, ... (in a small table with linear probing). O(count), whatever the size.
// Thread-compatible; reused, so that a draw takes no memory from the heap.
class SparsePermutation {
 public:
  // The first `count` places of a shuffled 0 .. size-1. REQUIRES count <= size. Valid until the next call.
  const std::vector<uint32_t>& Draw(size_t count, size_t size, Rng& rng) {
    const size_t wanted = std::bit_ceil(4 * count + 1);
    table_.assign(wanted, Moved());
    mask_ = wanted - 1;
    drawn_.clear();
    for (size_t i = 0; i < count; ++i) {
      const size_t j = i + rng.Below(size - i);
      Moved& at_j = Find(j);
      const uint32_t value = at_j.key == kNone ? static_cast<uint32_t>(j) : at_j.value;
      drawn_.push_back(value);
      // Place i is never looked at again, so what it holds goes to j and is not kept here.
      const Moved& at_i = Find(i);
      const uint32_t kept = at_i.key == kNone ? static_cast<uint32_t>(i) : at_i.value;
      at_j = {j, kept};
    }
    return drawn_;
  }

 private:
  static constexpr size_t kNone = SIZE_MAX;
  struct Moved {
    size_t key = kNone;
    uint32_t value = 0;
  };
  // The entry of `key`, or the free one where it would go.
  Moved& Find(size_t key) {
    size_t at = Mix64(key) & mask_;
    while (table_[at].key != kNone && table_[at].key != key) at = (at + 1) & mask_;
    return table_[at];
  }

  std::vector<Moved> table_;
  std::vector<uint32_t> drawn_;
  size_t mask_ = 0;
};

}  // namespace perennial::replay
