#pragma once

#include <chrono>
#include <cstdint>

#include "storage/base/clock.h"

namespace perennial::trainer {

// New samples per second of busy time, over about the last fifty steps; waiting for data does not count.
// Thread-compatible.
class Throughput {
 public:
  void Add(uint64_t samples, Duration busy) {
    constexpr double kKeep = 0.98;
    samples_ = samples_ * kKeep + static_cast<double>(samples);
    seconds_ = seconds_ * kKeep + std::chrono::duration<double>(busy).count();
  }
  double PerSecond() const { return seconds_ > 0 ? samples_ / seconds_ : 0; }

 private:
  double samples_ = 0;
  double seconds_ = 0;
};

}  // namespace perennial::trainer
