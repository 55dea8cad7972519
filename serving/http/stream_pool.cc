#include "serving/http/stream_pool.h"

#include <array>
#include <cstdio>
#include <exception>

#include "storage/base/log.h"

namespace perennial::http {
namespace {

constexpr auto kWriteTimeout = std::chrono::seconds(10);

bool WriteChunk(const Socket& socket, std::string_view data, bool chunked) {
  const SteadyTime deadline = std::chrono::steady_clock::now() + kWriteTimeout;
  if (!chunked) return socket.WriteAll(data, deadline);
  std::array<char, 24> size;
  const int digits = std::snprintf(size.data(), size.size(), "%zx\r\n", data.size());
  std::string framed(size.data(), static_cast<size_t>(digits));
  framed.append(data).append("\r\n");
  return socket.WriteAll(framed, deadline);
}

}  // namespace

bool StreamPool::TryStart(std::unique_ptr<Connection>& connection, std::string head, bool chunked, Producer producer) {
  MutexLock lock(mutex_);
  running_.remove_if([](const Running& entry) { return entry.done.load(); });
  if (stop_ || running_.size() >= max_streams_) return false;
  Running& entry = running_.emplace_back();
  entry.connection = std::move(connection);
  entry.head = std::move(head);
  entry.chunked = chunked;
  entry.producer = std::move(producer);
  entry.thread = Thread("http-stream", [this, &entry] { Run(entry); });
  return true;
}

void StreamPool::Run(Running& running) const {
  const Socket& socket = running.connection->socket();
  bool alive = socket.WriteAll(running.head, std::chrono::steady_clock::now() + kWriteTimeout);
  const auto write = [&](std::string_view data) {
    if (alive && !data.empty()) alive = WriteChunk(socket, data, running.chunked);
    if (alive) alive = !socket.PeerClosed();
    return alive && !stop_;
  };
  try {
    bool more = true;
    while (alive && more && !stop_ && !socket.PeerClosed()) more = running.producer(write);
    if (alive && running.chunked) (void)socket.WriteAll("0\r\n\r\n", std::chrono::steady_clock::now() + kWriteTimeout);
  } catch (const std::exception& failure) {
    // The head is out already: breaking the framing is the only way left to tell the peer.
    log::Error("http_stream_threw", {{"what", failure.what()}});
  }
  running.producer = nullptr;
  running.connection.reset();
  running.done = true;
}

void StreamPool::Stop() {
  stop_ = true;
  std::list<Running> ending;
  {
    MutexLock lock(mutex_);
    ending.swap(running_);
  }
  for (Running& entry : ending) entry.thread.Join();
}

}  // namespace perennial::http
