#pragma once

#include <functional>

namespace perennial::trainer {

// Device work beside the device's main order of work: a fork, and the join before which nothing of it may be used.
// Nothing is forked twice before it was joined. Thread-compatible.
class SideWork {
 public:
  virtual ~SideWork() = default;
  // Begins the operations of `work`, which see all that was begun before.
  virtual void Fork(const std::function<void()>& work) = 0;
  // What is begun from here on sees all that the fork made.
  virtual void Join() = 0;
};

}  // namespace perennial::trainer
