#include "serving/batcher.h"

#include <algorithm>
#include <utility>

namespace perennial::serving {
namespace {

constexpr auto kIdleWait = std::chrono::seconds(10);

double Milliseconds(Duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

}  // namespace

// Shared between the waiting request thread and the batch threads; whichever lets go last frees it.
struct Batcher::Call {
  explicit Call(size_t count) : outcomes(count), missing(count) {}
  Mutex mutex;
  CondVar done;
  std::vector<Outcome> outcomes GUARDED_BY(mutex);
  size_t missing GUARDED_BY(mutex);
  std::atomic<bool> abandoned{false};  // the waiter gave up; running the rest would be wasted
};

void Batcher::Arrival::Done() {
  if (batcher_ == nullptr) return;
  batcher_->arriving_.fetch_sub(1);
  batcher_->changed_.NotifyOne();
  batcher_ = nullptr;
}

Batcher::Batcher(BatcherOptions options, const Clock& clock, std::function<void(size_t)> on_batch)
    : options_(options), clock_(clock), on_batch_(std::move(on_batch)) {
  for (int i = 0; i < options_.threads; ++i) threads_.emplace_back("batch-" + std::to_string(i), [this] { Work(); });
}

Batcher::~Batcher() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  for (Thread& thread : threads_) thread.Join();
}

Result<std::vector<Batcher::Outcome>> Batcher::Run(const ServedPtr& served, std::vector<PreparedInput> inputs,
                                                   SteadyTime deadline, Arrival& arrival) {
  const auto call = std::make_shared<Call>(inputs.size());
  const SteadyTime now = clock_.Now();
  {
    MutexLock lock(mutex_);
    if (stopping_) return Unavailable("the node is shutting down");
    if (queue_.size() + inputs.size() > options_.max_queue) {
      return ResourceExhausted(std::to_string(queue_.size()) + " requests wait already", "try again in a moment");
    }
    for (size_t i = 0; i < inputs.size(); ++i) queue_.push_back({call, i, served, std::move(inputs[i]), now});
    changed_.NotifyOne();
  }
  arrival.Done();
  MutexLock lock(call->mutex);
  while (call->missing > 0) {
    if (!call->done.WaitUntil(call->mutex, deadline) && call->missing > 0) {
      call->abandoned = true;
      return DeadlineExceeded("no answer within the request's time limit", "the node is overloaded; try again later");
    }
  }
  return std::move(call->outcomes);
}

size_t Batcher::queue_depth() const {
  MutexLock lock(mutex_);
  return queue_.size();
}

void Batcher::Work() {
  while (true) {
    std::vector<Item> items = TakeBatch();
    if (items.empty()) return;
    RunBatch(std::move(items));
  }
}

size_t Batcher::CountOfFront() const {
  size_t count = 0;
  for (const Item& item : queue_) count += item.served == queue_.front().served ? 1 : 0;
  return count;
}

bool Batcher::ShouldWait(SteadyTime give_up) const {
  // Nobody on the way means that waiting could only add latency.
  return !stopping_ && arriving_ > 0 && CountOfFront() < options_.max_batch &&
         std::chrono::steady_clock::now() < give_up;
}

bool Batcher::AwaitItems() {
  while (queue_.empty()) {
    if (stopping_) return false;
    changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kIdleWait);
  }
  const SteadyTime give_up = std::chrono::steady_clock::now() + options_.max_delay;
  while (!queue_.empty() && ShouldWait(give_up)) changed_.WaitUntil(mutex_, give_up);
  return true;
}

std::vector<Batcher::Item> Batcher::TakeBatch() {
  MutexLock lock(mutex_);
  // Another thread may have taken the items while this one waited for more.
  do {
    if (!AwaitItems()) return {};
  } while (queue_.empty());
  std::vector<Item> batch;
  std::deque<Item> rest;
  const ServedPtr front = queue_.front().served;
  for (Item& item : queue_) {
    if (item.served == front && batch.size() < options_.max_batch) {
      batch.push_back(std::move(item));
    } else {
      rest.push_back(std::move(item));
    }
  }
  queue_ = std::move(rest);
  if (!queue_.empty()) changed_.NotifyOne();
  return batch;
}

void Batcher::RunBatch(std::vector<Item> items) {
  std::erase_if(items, [](const Item& item) { return item.call->abandoned.load(); });
  if (items.empty()) return;
  std::vector<PreparedInput> inputs;
  inputs.reserve(items.size());
  for (Item& item : items) inputs.push_back(std::move(item.input));
  const SteadyTime start = clock_.Now();
  Result<std::vector<Scores>> scores = items.front().served->predictor->Predict(inputs);
  const SteadyTime end = clock_.Now();
  if (scores.ok() && scores->size() != items.size()) scores = Internal("the network gave outputs of a wrong shape");
  on_batch_(items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    Outcome outcome;
    if (scores.ok()) {
      outcome.scores = std::move((*scores)[i]);
    } else {
      outcome.scores = scores.status();
    }
    outcome.queue_ms = Milliseconds(start - items[i].queued);
    outcome.compute_ms = Milliseconds(end - start);
    outcome.batch_size = items.size();
    Call& call = *items[i].call;
    MutexLock lock(call.mutex);
    call.outcomes[items[i].index] = std::move(outcome);
    if (--call.missing == 0) call.done.NotifyOne();
  }
}

}  // namespace perennial::serving
