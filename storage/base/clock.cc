#include "storage/base/clock.h"

namespace perennial {

int64_t SystemClock::WallMicros() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void ManualClock::Advance(Duration d) {
  steady_nanos_ += d.count();
  wall_micros_ += std::chrono::duration_cast<std::chrono::microseconds>(d).count();
}

}  // namespace perennial
