#pragma once

#include <atomic>
#include <cstdint>

namespace perennial::http {

// How many bytes of requests a server may hold at once, over all its connections. Thread-safe.
class ByteBudget {
 public:
  explicit ByteBudget(uint64_t bytes) : bytes_(bytes) {}

  // All or nothing.
  bool TryTake(uint64_t bytes) {
    uint64_t taken = taken_.load();
    do {
      if (bytes > bytes_ - taken) return false;
    } while (!taken_.compare_exchange_weak(taken, taken + bytes));
    return true;
  }
  void Return(uint64_t bytes) { taken_.fetch_sub(bytes); }
  uint64_t left() const { return bytes_ - taken_.load(); }

 private:
  const uint64_t bytes_;
  std::atomic<uint64_t> taken_{0};  // never over bytes_
};

// One connection's part of the budget; given back at the end. Thread-compatible.
class ByteLease {
 public:
  // The budget outlives the lease.
  explicit ByteLease(ByteBudget& budget) : budget_(budget) {}
  ~ByteLease() { (void)Hold(0); }
  ByteLease(const ByteLease&) = delete;
  ByteLease& operator=(const ByteLease&) = delete;

  // Makes the part `bytes` large; false, and as it was, when there is not so much. Shrinking never fails.
  bool Hold(uint64_t bytes) {
    if (bytes > held_ && !budget_.TryTake(bytes - held_)) return false;
    if (bytes < held_) budget_.Return(held_ - bytes);
    held_ = bytes;
    return true;
  }
  // Whether the part could be `bytes` large now.
  bool MayHold(uint64_t bytes) const { return bytes <= held_ || bytes - held_ <= budget_.left(); }

 private:
  ByteBudget& budget_;
  uint64_t held_ = 0;
};

}  // namespace perennial::http
