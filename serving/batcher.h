#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "serving/routing.h"
#include "storage/base/clock.h"
#include "storage/base/mutex.h"
#include "storage/base/thread.h"

namespace perennial::serving {

struct BatcherOptions {
  size_t max_batch = 16;
  Duration max_delay =
      std::chrono::milliseconds(1);  // a batch waits that long for others that are on their way, not longer
  size_t max_queue = 1024;
  int threads = 1;
};

// Collects single samples into batches of one version and runs them. Thread-safe; owns its threads ("batch-N").
class Batcher {
 public:
  // What became of one sample.
  struct Outcome {
    Result<Scores> scores = Cancelled("not run");
    double queue_ms = 0;
    double compute_ms = 0;
    size_t batch_size = 0;
  };
  // Tells the batcher that a request is being prepared, so that a batch may wait for it. Scoped.
  class Arrival {
   public:
    explicit Arrival(Batcher& batcher) : batcher_(&batcher) { batcher_->arriving_.fetch_add(1); }
    ~Arrival() { Done(); }
    Arrival(const Arrival&) = delete;
    Arrival& operator=(const Arrival&) = delete;
    void Done();

   private:
    Batcher* batcher_;
  };

  // `on_batch` hears the size of every batch, on the batch's thread.
  Batcher(BatcherOptions options, const Clock& clock, std::function<void(size_t)> on_batch);
  // Answers what still waits with kUnavailable and joins.
  ~Batcher();

  // Runs all inputs on one version and waits. kResourceExhausted when the queue is full (then none ran),
  // kDeadlineExceeded at `deadline`.
  Result<std::vector<Outcome>> Run(const ServedPtr& served, std::vector<PreparedInput> inputs, SteadyTime deadline,
                                   Arrival& arrival);
  size_t queue_depth() const;

 private:
  struct Call;  // one Run
  struct Item {
    std::shared_ptr<Call> call;
    size_t index = 0;  // within the call
    ServedPtr served;
    PreparedInput input;
    SteadyTime queued;
  };
  void Work();
  // Waits for items and takes a batch of one version, oldest first; empty when stopping.
  std::vector<Item> TakeBatch();
  // Waits until there are items and nothing more is worth waiting for; false when stopping. The queue may be empty
  // again afterwards.
  bool AwaitItems() REQUIRES_LOCK(mutex_);
  bool ShouldWait(SteadyTime give_up) const REQUIRES_LOCK(mutex_);
  size_t CountOfFront() const REQUIRES_LOCK(mutex_);
  void RunBatch(std::vector<Item> items);

  const BatcherOptions options_;
  const Clock& clock_;
  const std::function<void(size_t)> on_batch_;
  std::atomic<size_t> arriving_{0};

  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<Item> queue_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::vector<Thread> threads_;
};

}  // namespace perennial::serving
