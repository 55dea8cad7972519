#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace perennial {

using SteadyTime = std::chrono::steady_clock::time_point;
using Duration = std::chrono::nanoseconds;

// Where time comes from. Steady for waits and durations, wall for what is shown and signed. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual SteadyTime Now() const = 0;
  // Microseconds since 1970-01-01 UTC.
  virtual int64_t WallMicros() const = 0;
  SteadyTime In(Duration d) const { return Now() + d; }
};

// The machine's clock.
class SystemClock final : public Clock {
 public:
  SteadyTime Now() const override { return std::chrono::steady_clock::now(); }
  int64_t WallMicros() const override;
};

// A clock that moves only when told to; for tests.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(int64_t wall_micros = 1'700'000'000'000'000) : wall_micros_(wall_micros) {}
  SteadyTime Now() const override { return SteadyTime(std::chrono::nanoseconds(steady_nanos_.load())); }
  int64_t WallMicros() const override { return wall_micros_.load(); }
  // Moves both readings forward.
  void Advance(Duration d);
  // Moves only the wall reading, as an administrator or a flat battery would.
  void JumpWall(int64_t micros) { wall_micros_ += micros; }

 private:
  std::atomic<int64_t> steady_nanos_{0};
  std::atomic<int64_t> wall_micros_;
};

}  // namespace perennial
