#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "storage/base/queue.h"
#include "storage/base/thread.h"

namespace perennial::samples {

// Helper threads for loops whose rounds are independent. The caller works too, so a pool of one thread has no helper.
// Thread-safe: several callers share the helpers.
class WorkerPool {
 public:
  explicit WorkerPool(size_t threads);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Calls body(0) .. body(count - 1), each once, in any order, and returns when all have returned. REQUIRES: `body`
  // does not throw.
  void ForEach(size_t count, const std::function<void(size_t)>& body);

 private:
  struct Job;
  void Help();

  BoundedQueue<std::shared_ptr<Job>> jobs_;
  std::vector<Thread> helpers_;
};

}  // namespace perennial::samples
