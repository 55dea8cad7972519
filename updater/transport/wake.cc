#include "updater/transport/wake.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace perennial::transport {

Result<std::unique_ptr<Wake>> Wake::Make() {
  const int fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (fd < 0) return IoError(std::string("make an eventfd: ") + std::strerror(errno));
  return std::unique_ptr<Wake>(new Wake(fd));
}

Wake::~Wake() { (void)::close(fd_); }

void Wake::Signal() {
  const uint64_t one = 1;
  // A full counter is a pending wake-up already.
  [[maybe_unused]] const ssize_t written = ::write(fd_, &one, sizeof one);
}

void Wake::Clear() {
  uint64_t count;
  [[maybe_unused]] const ssize_t got = ::read(fd_, &count, sizeof count);
}

}  // namespace perennial::transport
