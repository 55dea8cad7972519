#include "serving/http/socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace perennial::http {
namespace {

constexpr int kBacklog = 1024;

// Milliseconds left, rounded up, for poll(2).
int PollTimeout(SteadyTime deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 60'000));
}

std::string NumericHost(const sockaddr* address, socklen_t length) {
  std::array<char, NI_MAXHOST> host{};
  if (getnameinfo(address, length, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST) != 0) return {};
  return host.data();
}

int PortOf(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  std::array<char, NI_MAXSERV> port{};
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return 0;
  if (getnameinfo(reinterpret_cast<sockaddr*>(&address), length, nullptr, 0, port.data(), port.size(),
                  NI_NUMERICSERV) != 0)
    return 0;
  return std::atoi(port.data());
}

Result<Socket> TryListen(const addrinfo& candidate, const std::string& where) {
  Socket socket(
      ::socket(candidate.ai_family, candidate.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, candidate.ai_protocol));
  if (!socket.valid()) return IoError("socket for " + where + ": " + std::strerror(errno));
  const int one = 1;
  // Only skips the two minutes of TIME_WAIT after a restart; a live listener still makes bind fail.
  setsockopt(socket.fd(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  if (bind(socket.fd(), candidate.ai_addr, candidate.ai_addrlen) != 0 || listen(socket.fd(), kBacklog) != 0) {
    if (errno == EADDRINUSE) {
      return Status(Code::kAlreadyExists, "listen on " + where + ": the port is in use",
                    "choose another port, or stop the program that has it");
    }
    if (errno == EACCES) return PermissionDenied("listen on " + where + ": not permitted", "choose a port above 1023");
    return IoError("listen on " + where + ": " + std::strerror(errno));
  }
  return socket;
}

}  // namespace

Socket& Socket::operator=(Socket&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

void Socket::Close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Socket::Read Socket::ReadSome(std::string& into, size_t max) const {
  std::array<char, 16384> buffer;
  size_t total = 0;
  while (total < max) {
    const ssize_t got = ::recv(fd_, buffer.data(), std::min(buffer.size(), max - total), 0);
    if (got > 0) {
      into.append(buffer.data(), static_cast<size_t>(got));
      total += static_cast<size_t>(got);
      if (static_cast<size_t>(got) < buffer.size()) return Read::kData;
      continue;
    }
    if (got < 0 && errno == EINTR) continue;
    if (total > 0) return Read::kData;
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? Read::kWouldBlock : Read::kEnd;
  }
  return Read::kData;
}

bool Socket::WriteAll(std::string_view bytes, SteadyTime deadline) const {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return false;
    pollfd waiting{fd_, POLLOUT, 0};
    if (std::chrono::steady_clock::now() >= deadline || ::poll(&waiting, 1, PollTimeout(deadline)) < 0) return false;
    if ((waiting.revents & (POLLERR | POLLHUP)) != 0) return false;
  }
  return true;
}

bool Socket::PeerClosed() const {
  pollfd state{fd_, POLLRDHUP, 0};
  return ::poll(&state, 1, 0) > 0 && (state.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void Socket::ShutdownWrite() const { ::shutdown(fd_, SHUT_WR); }

Result<Socket> ListenOn(const std::string& host, int port, int& bound_port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string where = host + ":" + std::to_string(port);
  if (const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); error != 0) {
    return InvalidArgument("listen on " + where + ": " + gai_strerror(error),
                           "give a host name or address of this machine");
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
  Result<Socket> last = IoError("listen on " + where + ": the name has no address");
  for (const addrinfo* candidate = found; candidate != nullptr; candidate = candidate->ai_next) {
    last = TryListen(*candidate, where);
    if (last.ok()) break;
  }
  if (last.ok()) bound_port = PortOf(last->fd());
  return last;
}

Socket AcceptFrom(const Socket& listener, std::string& remote_address, bool& exhausted) {
  exhausted = false;
  while (true) {
    sockaddr_storage peer{};
    socklen_t length = sizeof(peer);
    const int fd = ::accept4(listener.fd(), reinterpret_cast<sockaddr*>(&peer), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      exhausted = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
      return Socket();
    }
    const int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    remote_address = NumericHost(reinterpret_cast<const sockaddr*>(&peer), length);
    return Socket(fd);
  }
}

}  // namespace perennial::http
