#pragma once

#include <deque>
#include <optional>
#include <utility>

#include "storage/base/mutex.h"

namespace perennial {

// A bounded first-in-first-out queue between threads; every wait has a deadline. Thread-safe.
template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(size_t capacity) : capacity_(capacity) {}

  // False when full or closed; the item is then untouched.
  bool TryPush(T& item) {
    MutexLock lock(mutex_);
    if (closed_ || items_.size() >= capacity_) return false;
    items_.push_back(std::move(item));
    not_empty_.NotifyOne();
    return true;
  }
  // Waits for room; false on deadline or close.
  bool Push(T item, SteadyTime deadline) {
    MutexLock lock(mutex_);
    while (!closed_ && items_.size() >= capacity_) {
      if (!not_full_.WaitUntil(mutex_, deadline) && items_.size() >= capacity_) return false;
    }
    if (closed_) return false;
    items_.push_back(std::move(item));
    not_empty_.NotifyOne();
    return true;
  }
  // Waits for an item; nullopt on deadline, or when closed and drained.
  std::optional<T> Pop(SteadyTime deadline) {
    MutexLock lock(mutex_);
    while (items_.empty()) {
      if (closed_) return std::nullopt;
      if (!not_empty_.WaitUntil(mutex_, deadline) && items_.empty()) return std::nullopt;
    }
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    not_full_.NotifyOne();
    return item;
  }
  std::optional<T> TryPop() {
    MutexLock lock(mutex_);
    if (items_.empty()) return std::nullopt;
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    not_full_.NotifyOne();
    return item;
  }
  // No more pushes; pops drain what is there.
  void Close() {
    MutexLock lock(mutex_);
    closed_ = true;
    not_empty_.NotifyAll();
    not_full_.NotifyAll();
  }
  size_t size() const {
    MutexLock lock(mutex_);
    return items_.size();
  }
  bool closed() const {
    MutexLock lock(mutex_);
    return closed_;
  }

 private:
  const size_t capacity_;
  mutable Mutex mutex_;
  CondVar not_empty_;
  CondVar not_full_;
  std::deque<T> items_ GUARDED_BY(mutex_);
  bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace perennial
