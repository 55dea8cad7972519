#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "serving/http/connection.h"
#include "storage/base/mutex.h"
#include "storage/base/thread.h"

namespace perennial::http {

struct EventLoopOptions {
  HeadLimits limits;
  Duration request_timeout = std::chrono::seconds(30);
  Duration idle_timeout = std::chrono::seconds(60);
  size_t max_connections = 2048;
};

// One thread that accepts, reads requests as their bytes arrive and hands whole ones out; so neither an idle connection
// nor a slow peer holds a request thread, and what may not come in is not read. A connection is with the loop or with a
// worker, never with both. Give() is thread-safe; the rest is for the owner.
class EventLoop {
 public:
  // Takes a connection whose request is complete; false when there is no room (the argument is then untouched).
  using Dispatch = std::function<bool(std::unique_ptr<Connection>&)>;
  // Sees each request after its head and before its body, on the loop's thread; may answer it early. Must be quick.
  using Admit = std::function<void(Connection&)>;
  // The budget outlives all connections.
  static Result<std::unique_ptr<EventLoop>> Start(Socket listener, EventLoopOptions options, ByteBudget& budget,
                                                  Admit admit, Dispatch dispatch);
  ~EventLoop();

  // Gives a connection back after its answer. Connections given back after the loop's end are closed.
  void Give(std::unique_ptr<Connection> connection);
  // Stops accepting and reading, closes what it holds, joins. Idempotent.
  void Stop();

 private:
  EventLoop(Socket listener, EventLoopOptions options, ByteBudget& budget, Admit admit, Dispatch dispatch)
      : options_(options),
        budget_(budget),
        admit_(std::move(admit)),
        dispatch_(std::move(dispatch)),
        listener_(std::move(listener)) {}
  Status Open();
  void Run();
  void AcceptAll(SteadyTime now);
  void TakeReturned(SteadyTime now);
  void OnEvent(int fd, SteadyTime now);
  // Goes on with a connection that the loop holds after bytes may have arrived.
  void Continue(std::unique_ptr<Connection> connection, SteadyTime now);
  Connection::Progress Read(Connection& connection, SteadyTime now);
  void HandOut(std::unique_ptr<Connection> connection);
  void Keep(std::unique_ptr<Connection> connection);
  void Sweep(SteadyTime now);
  void Arm(int fd, bool known);
  void Wake();

  const EventLoopOptions options_;
  ByteBudget& budget_;
  const Admit admit_;
  const Dispatch dispatch_;
  Socket listener_;
  Socket epoll_;
  Socket wake_;
  std::atomic<bool> stop_{false};
  Thread thread_;

  // Confined to the loop's thread.
  std::unordered_map<int, std::unique_ptr<Connection>> held_;
  SteadyTime next_sweep_{};
  SteadyTime accept_again_{};

  Mutex mutex_;
  std::vector<std::unique_ptr<Connection>> returned_ GUARDED_BY(mutex_);
};

}  // namespace perennial::http
