#pragma once

#include <functional>
#include <string>
#include <vector>

#include "storage/base/mutex.h"
#include "storage/base/thread.h"

namespace perennial::bench {

// Threads that live as long as the benchmark and run one job each a phase, as a serving program's threads do: new
// threads for every phase would each warm up an allocator arena of their own, and that growth would be taken for the
// server's. Thread-compatible.
class Crew {
 public:
  Crew(const std::string& name, size_t size, Thread::Priority priority = Thread::Priority::kNormal) {
    for (size_t i = 0; i < size; ++i)
      threads_.emplace_back(
          name, [this, i] { Work(i); }, priority);
  }
  ~Crew() {
    {
      MutexLock lock(mutex_);
      stop_ = true;
      changed_.NotifyAll();
    }
    for (Thread& thread : threads_) thread.Join();
  }

  // Every thread runs job(its number). REQUIRES: no job is running.
  void Start(std::function<void(size_t)> job) {
    MutexLock lock(mutex_);
    job_ = std::move(job);
    running_ = threads_.size();
    ++phase_;
    changed_.NotifyAll();
  }
  void Wait() {
    MutexLock lock(mutex_);
    while (running_ > 0) changed_.WaitUntil(mutex_, SystemClock().In(kWait));
  }

 private:
  static constexpr auto kWait = std::chrono::seconds(10);

  void Work(size_t number) {
    uint64_t seen = 0;
    while (true) {
      {
        MutexLock lock(mutex_);
        while (!stop_ && phase_ == seen) changed_.WaitUntil(mutex_, SystemClock().In(kWait));
        if (stop_) return;
        seen = phase_;
      }
      job_(number);  // set before the phase began, not changed while it runs
      MutexLock lock(mutex_);
      if (--running_ == 0) changed_.NotifyAll();
    }
  }

  Mutex mutex_;
  CondVar changed_;
  std::function<void(size_t)> job_;
  size_t running_ GUARDED_BY(mutex_) = 0;
  uint64_t phase_ GUARDED_BY(mutex_) = 0;
  bool stop_ GUARDED_BY(mutex_) = false;
  std::vector<Thread> threads_;
};

}  // namespace perennial::bench
