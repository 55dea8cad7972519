#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "serving/http/body_reader.h"
#include "serving/http/head.h"
#include "serving/http/socket.h"
#include "storage/base/clock.h"

namespace perennial::http {

// One client connection and the request it is sending. Owned by one thread at a time: the event loop while bytes
// arrive, a worker while the answer is made. Thread-compatible.
class Connection {
 public:
  Connection(Socket socket, std::string remote_address)
      : socket_(std::move(socket)), remote_address_(std::move(remote_address)) {}

  enum class Progress {
    kNeedMore,  // wait for bytes
    kRequest,   // a whole request, or a refusal, is there
    kClosed,    // the peer is gone
  };
  // Takes what has arrived. The deadline of a request starts with its first byte and leaves time for a body at 256
  // KiB/s.
  Progress OnReadable(const HeadLimits& limits, Duration request_timeout, SteadyTime now);
  // The deadline passed: a half-sent request becomes a refusal (408, true); an idle connection is to be closed (false).
  bool OnDeadline();
  // Discards what still arrives after the answer to a refused request; false when the peer has closed.
  bool DiscardArrivals();
  // Makes ready for the next request, after `idle` without which the connection ends.
  void StartNext(SteadyTime now, Duration idle);

  const Socket& socket() const { return socket_; }
  const std::string& remote_address() const { return remote_address_; }
  const Head& head() const { return head_; }
  std::string TakeBody() { return body_.Take(); }
  const std::optional<Rejection>& refusal() const { return refusal_; }
  SteadyTime deadline() const { return deadline_; }
  // Reading goes on only to let the peer take the answer.
  void StartLinger(SteadyTime deadline);
  bool lingering() const { return lingering_; }

 private:
  Progress Advance(const HeadLimits& limits, Duration request_timeout, SteadyTime now);
  bool ParseBufferedHead(const HeadLimits& limits);
  void Refuse(Rejection why) { refusal_ = std::move(why); }

  Socket socket_;
  std::string remote_address_;
  std::string input_;    // arrived, not consumed
  size_t searched_ = 0;  // of input_, for the end of the head
  bool in_head_ = true;
  bool started_ = false;  // the current request's first byte has arrived
  bool lingering_ = false;
  Head head_;
  BodyReader body_;
  std::optional<Rejection> refusal_;
  SteadyTime deadline_{};
};

}  // namespace perennial::http
