#include "storage/samples/worker_pool.h"

#include <atomic>
#include <chrono>

namespace perennial::samples {
namespace {
// Waits have a deadline and are taken up again: these are longer than any useful one.
SteadyTime LongFromNow() { return std::chrono::steady_clock::now() + std::chrono::hours(1); }
}  // namespace

struct WorkerPool::Job {
  Job(size_t n, const std::function<void(size_t)>& f) : count(n), body(&f) {}

  // Takes rounds until none is left. `body` is not touched once all rounds are taken: the caller may be gone then.
  void Work() {
    for (size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) {
      (*body)(i);
      MutexLock lock(mutex);
      if (++done == count) all_done.NotifyAll();
    }
  }
  void WaitForAll() {
    MutexLock lock(mutex);
    while (done < count) (void)all_done.WaitUntil(mutex, LongFromNow());
  }

  const size_t count;
  const std::function<void(size_t)>* const body;
  std::atomic<size_t> next{0};
  Mutex mutex;
  CondVar all_done;
  size_t done GUARDED_BY(mutex) = 0;
};

WorkerPool::WorkerPool(size_t threads) : jobs_(64 * threads) {
  for (size_t i = 1; i < threads; ++i) helpers_.emplace_back("sample-check", [this] { Help(); });
}

WorkerPool::~WorkerPool() { jobs_.Close(); }

void WorkerPool::Help() {
  while (true) {
    const std::optional<std::shared_ptr<Job>> job = jobs_.Pop(LongFromNow());
    if (job) (*job)->Work();
    if (!job && jobs_.closed()) return;
  }
}

void WorkerPool::ForEach(size_t count, const std::function<void(size_t)>& body) {
  if (count == 0) return;
  auto job = std::make_shared<Job>(count, body);
  for (size_t i = 0; i < helpers_.size() && i + 1 < count; ++i) {
    // A full queue only means that the helpers are busy.
    std::shared_ptr<Job> shared = job;
    if (!jobs_.TryPush(shared)) break;
  }
  job->Work();
  job->WaitForAll();
}

}  // namespace perennial::samples
