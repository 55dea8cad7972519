#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "storage/base/clock.h"

// Clang's thread-safety analysis (-Wthread-safety); nothing under other compilers.
#if defined(__clang__)
#define PERENNIAL_TSA(x) __attribute__((x))
#else
#define PERENNIAL_TSA(x)
#endif
#define GUARDED_BY(m) PERENNIAL_TSA(guarded_by(m))
#define REQUIRES_LOCK(m) PERENNIAL_TSA(requires_capability(m))
#define EXCLUDES_LOCK(m) PERENNIAL_TSA(locks_excluded(m))

namespace perennial {

// std::mutex with annotations.
class PERENNIAL_TSA(capability("mutex")) Mutex {
 public:
  void Lock() PERENNIAL_TSA(acquire_capability()) { mutex_.lock(); }
  void Unlock() PERENNIAL_TSA(release_capability()) { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

// Holds a Mutex for a scope.
class PERENNIAL_TSA(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) PERENNIAL_TSA(acquire_capability(mutex)) : mutex_(mutex) { mutex_.Lock(); }
  ~MutexLock() PERENNIAL_TSA(release_capability()) { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// A condition variable whose every wait has a deadline. Write waits as loops over the guarded condition.
class CondVar {
 public:
  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }
  // Waits until notified (or spuriously woken) or until `deadline` of the machine's steady clock; false on deadline.
  bool WaitUntil(Mutex& mutex, SteadyTime deadline) REQUIRES_LOCK(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const bool notified = condition_.wait_until(lock, deadline) == std::cv_status::no_timeout;
    lock.release();
    return notified;
  }

 private:
  std::condition_variable condition_;
};

}  // namespace perennial
