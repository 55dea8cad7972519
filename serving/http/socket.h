#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/clock.h"
#include "storage/base/status.h"

namespace perennial::http {

// Owns one file descriptor. Thread-compatible.
class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() { Close(); }
  Socket(Socket&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Socket& operator=(Socket&& other) noexcept;
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  int fd() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  void Close();

  enum class Read { kData, kWouldBlock, kEnd };
  // Appends what has arrived, at most `max` bytes; does not block.
  Read ReadSome(std::string& into, size_t max) const;
  // Writes all of `bytes` before `deadline`; false when the peer is gone or too slow.
  bool WriteAll(std::string_view bytes, SteadyTime deadline) const;
  // True once the peer closed its end, or the connection broke.
  bool PeerClosed() const;
  // Ends our sending direction, so that the peer sees the end of the answer before we stop reading.
  void ShutdownWrite() const;

 private:
  int fd_ = -1;
};

// A listening socket: no SO_REUSEPORT (a second server on the port is an error), a backlog of 1,024, non-blocking.
// kAlreadyExists when the port is busy. `port` receives the one it got.
Result<Socket> ListenOn(const std::string& host, int port, int& bound_port);

// The next waiting connection with TCP_NODELAY set and its peer's address; an invalid socket when there is none.
// `exhausted` tells that the process is out of descriptors.
Socket AcceptFrom(const Socket& listener, std::string& remote_address, bool& exhausted);

}  // namespace perennial::http
