#include "serving/http/event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "storage/base/log.h"

namespace perennial::http {
namespace {

constexpr auto kSweepInterval = std::chrono::milliseconds(200);
constexpr auto kAcceptPause = std::chrono::milliseconds(200);
constexpr int kMaxEvents = 128;
constexpr std::string_view kBusy =
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

}  // namespace

Result<std::unique_ptr<EventLoop>> EventLoop::Start(Socket listener, EventLoopOptions options, ByteBudget& budget,
                                                    Admit admit, Dispatch dispatch) {
  std::unique_ptr<EventLoop> loop(
      new EventLoop(std::move(listener), options, budget, std::move(admit), std::move(dispatch)));
  PERENNIAL_RETURN_IF_ERROR(loop->Open());
  loop->thread_ = Thread("http-loop", [raw = loop.get()] { raw->Run(); });
  return loop;
}

EventLoop::~EventLoop() { Stop(); }

Status EventLoop::Open() {
  epoll_ = Socket(epoll_create1(EPOLL_CLOEXEC));
  wake_ = Socket(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!epoll_.valid() || !wake_.valid()) return IoError(std::string("event loop: ") + std::strerror(errno));
  for (const int fd : {listener_.fd(), wake_.fd()}) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, fd, &event) != 0)
      return IoError(std::string("event loop: ") + std::strerror(errno));
  }
  return Status::Ok();
}

void EventLoop::Stop() {
  stop_ = true;
  Wake();
  thread_.Join();
}

void EventLoop::Wake() {
  const uint64_t one = 1;
  // Fails only when the counter is full, and then the loop wakes anyhow.
  [[maybe_unused]] const ssize_t written = ::write(wake_.fd(), &one, sizeof(one));
}

void EventLoop::Give(std::unique_ptr<Connection> connection) {
  if (stop_) return;
  {
    MutexLock lock(mutex_);
    returned_.push_back(std::move(connection));
  }
  Wake();
}

void EventLoop::Run() {
  std::array<epoll_event, kMaxEvents> events;
  while (!stop_) {
    const auto wait = held_.empty() ? std::chrono::milliseconds(1000) : kSweepInterval;
    const int count = epoll_wait(epoll_.fd(), events.data(), kMaxEvents, static_cast<int>(wait.count()));
    const SteadyTime now = std::chrono::steady_clock::now();
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<size_t>(i)].data.fd;
      if (fd == wake_.fd()) {
        uint64_t counter = 0;
        [[maybe_unused]] const ssize_t got = ::read(fd, &counter, sizeof(counter));
      } else if (fd == listener_.fd()) {
        AcceptAll(now);
      } else {
        OnEvent(fd, now);
      }
    }
    TakeReturned(now);
    if (now >= next_sweep_) Sweep(now);
  }
  held_.clear();
  listener_.Close();
}

void EventLoop::AcceptAll(SteadyTime now) {
  while (now >= accept_again_) {
    std::string remote_address;
    bool exhausted = false;
    Socket socket = AcceptFrom(listener_, remote_address, exhausted);
    if (exhausted) {
      log::Warn("http_out_of_descriptors", {{"connections", static_cast<uint64_t>(held_.size())}});
      accept_again_ = now + kAcceptPause;
      // The listener stays readable; without a pause the loop would spin on it.
      epoll_event none{};
      none.data.fd = listener_.fd();
      epoll_ctl(epoll_.fd(), EPOLL_CTL_MOD, listener_.fd(), &none);
      return;
    }
    if (!socket.valid()) return;
    if (held_.size() >= options_.max_connections) {
      (void)socket.WriteAll(kBusy, now);
      continue;
    }
    auto connection = std::make_unique<Connection>(std::move(socket), std::move(remote_address), budget_);
    connection->StartNext(now, options_.idle_timeout);
    Arm(connection->socket().fd(), false);
    Keep(std::move(connection));
  }
}

void EventLoop::TakeReturned(SteadyTime now) {
  std::vector<std::unique_ptr<Connection>> returned;
  {
    MutexLock lock(mutex_);
    returned.swap(returned_);
  }
  for (auto& connection : returned) {
    if (!connection->lingering()) connection->StartNext(now, options_.idle_timeout);
    Continue(std::move(connection), now);
  }
}

void EventLoop::OnEvent(int fd, SteadyTime now) {
  const auto found = held_.find(fd);
  if (found == held_.end()) return;
  std::unique_ptr<Connection> connection = std::move(found->second);
  held_.erase(found);
  Continue(std::move(connection), now);
}

void EventLoop::Continue(std::unique_ptr<Connection> connection, SteadyTime now) {
  if (connection->lingering()) {
    if (!connection->DiscardArrivals()) return;
  } else {
    const Connection::Progress progress = Read(*connection, now);
    if (progress == Connection::Progress::kClosed) return;
    if (progress == Connection::Progress::kRequest) return HandOut(std::move(connection));
  }
  Arm(connection->socket().fd(), true);
  Keep(std::move(connection));
}

Connection::Progress EventLoop::Read(Connection& connection, SteadyTime now) {
  const Connection::Progress progress = connection.OnReadable(options_.limits, options_.request_timeout, now);
  if (progress != Connection::Progress::kHead) return progress;
  admit_(connection);
  if (connection.early_answer()) return Connection::Progress::kRequest;
  return connection.ReadBody(options_.limits, options_.request_timeout, now);
}

void EventLoop::HandOut(std::unique_ptr<Connection> connection) {
  if (dispatch_(connection)) return;
  // One short try, so that a full queue never makes the loop wait.
  (void)connection->socket().WriteAll(kBusy, SteadyTime::min());
}

void EventLoop::Keep(std::unique_ptr<Connection> connection) {
  const int fd = connection->socket().fd();
  held_[fd] = std::move(connection);
}

void EventLoop::Arm(int fd, bool known) {
  epoll_event event{};
  // One shot: a connection that a worker holds makes no events.
  event.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT;
  event.data.fd = fd;
  epoll_ctl(epoll_.fd(), known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
}

void EventLoop::Sweep(SteadyTime now) {
  next_sweep_ = now + kSweepInterval;
  std::vector<int> late;
  for (const auto& [fd, connection] : held_) {
    if (connection->deadline() <= now) late.push_back(fd);
  }
  for (const int fd : late) {
    std::unique_ptr<Connection> connection = std::move(held_[fd]);
    held_.erase(fd);
    if (connection->OnDeadline()) HandOut(std::move(connection));
  }
  if (accept_again_ != SteadyTime{} && now >= accept_again_) {
    accept_again_ = SteadyTime{};
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = listener_.fd();
    epoll_ctl(epoll_.fd(), EPOLL_CTL_MOD, listener_.fd(), &event);
  }
}

}  // namespace perennial::http
