#pragma once

#include <functional>

#include "storage/base/mutex.h"

namespace perennial::updater {

// Waits until `condition` holds, looking again every few milliseconds; false after the deadline. Generous: a loaded
// machine is slow, not wrong.
inline bool Eventually(const std::function<bool()>& condition, Duration patience = std::chrono::seconds(30)) {
  const SteadyTime deadline = std::chrono::steady_clock::now() + patience;
  Mutex mutex;
  CondVar never;
  while (!condition()) {
    const SteadyTime now = std::chrono::steady_clock::now();
    if (now >= deadline) return false;
    MutexLock lock(mutex);
    (void)never.WaitUntil(mutex, now + std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace perennial::updater
