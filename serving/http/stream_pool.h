#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <string>

#include "serving/http/connection.h"
#include "storage/base/mutex.h"
#include "storage/base/thread.h"

namespace perennial::http {

// Long-lived answers (server-sent events), each on a thread of its own and capped in number, so that no count of
// listeners can starve the request threads. Thread-safe.
class StreamPool {
 public:
  // One call produces some of the stream (server.h, Response::stream).
  using Producer = std::function<bool(const std::function<bool(std::string_view)>&)>;

  explicit StreamPool(size_t max_streams) : max_streams_(max_streams) {}
  ~StreamPool() { Stop(); }

  // Sends `head`, then what `producer` writes, as chunks when `chunked`. False when the cap is reached; the connection
  // is then untouched.
  bool TryStart(std::unique_ptr<Connection>& connection, std::string head, bool chunked, Producer producer);
  // Ends all streams after their current call and joins. No further ones start.
  void Stop();

 private:
  struct Running {
    std::unique_ptr<Connection> connection;
    std::string head;
    bool chunked = true;
    Producer producer;
    std::atomic<bool> done{false};
    Thread thread;
  };
  void Run(Running& running) const;

  const size_t max_streams_;
  std::atomic<bool> stop_{false};
  Mutex mutex_;
  std::list<Running> running_ GUARDED_BY(mutex_);
};

}  // namespace perennial::http
