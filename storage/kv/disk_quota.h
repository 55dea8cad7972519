#pragma once

#include <atomic>
#include <cstdint>

namespace perennial::kv {

// How many more bytes a store's files may take: tests act out a full disk with it, torn last write included. A
// process's real disk can be full in the same way at any byte. Thread-safe.
class DiskQuota {
 public:
  // From now on only `bytes` more can be written.
  void Limit(uint64_t bytes) { left_ = static_cast<int64_t>(bytes); }
  void Lift() { left_ = INT64_MAX; }
  // Grants at most `wanted` bytes.
  uint64_t Take(uint64_t wanted) {
    int64_t left = left_.load();
    while (true) {
      const int64_t granted = left < static_cast<int64_t>(wanted) ? left : static_cast<int64_t>(wanted);
      const int64_t after = left == INT64_MAX ? left : left - granted;
      if (left_.compare_exchange_weak(left, after)) return static_cast<uint64_t>(granted);
    }
  }
  bool Full() const { return left_.load() == 0; }

 private:
  std::atomic<int64_t> left_{INT64_MAX};
};

}  // namespace perennial::kv
