#pragma once

#include <memory>

#include "storage/base/status.h"

namespace perennial::transport {

// Wakes a thread that waits in zmq_poll: an eventfd. Signal() from any thread, Clear() from the waiting one.
class Wake {
 public:
  static Result<std::unique_ptr<Wake>> Make();
  ~Wake();
  Wake(const Wake&) = delete;
  Wake& operator=(const Wake&) = delete;

  void Signal();
  void Clear();
  int fd() const { return fd_; }

 private:
  explicit Wake(int fd) : fd_(fd) {}
  const int fd_;
};

}  // namespace perennial::transport
