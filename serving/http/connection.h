#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "serving/http/body_reader.h"
#include "serving/http/byte_budget.h"
#include "serving/http/head.h"
#include "serving/http/server.h"
#include "serving/http/socket.h"
#include "storage/base/clock.h"

namespace perennial::http {

// One client connection and the request it is sending. Owned by one thread at a time: the event loop while bytes
// arrive, a worker while the answer is made. Thread-compatible.
class Connection {
 public:
  // The budget outlives the connection.
  Connection(Socket socket, std::string remote_address, ByteBudget& budget)
      : socket_(std::move(socket)), remote_address_(std::move(remote_address)), held_(budget) {}

  enum class Progress {
    kNeedMore,  // wait for bytes
    kHead,      // the head is there: AnswerEarly() or ReadBody() comes next
    kRequest,   // a whole request, or a refusal, is there
    kClosed,    // the peer is gone
  };
  // Takes what has arrived. The deadline of a request starts with its first byte and leaves time for a body at 256
  // KiB/s.
  Progress OnReadable(const HeadLimits& limits, Duration request_timeout, SteadyTime now);
  // Begins with the body. What the connection holds is taken from the budget; when it does not suffice, the request is
  // refused (503) and its bytes are dropped.
  Progress ReadBody(const HeadLimits& limits, Duration request_timeout, SteadyTime now);
  // The answer is known without the body, which is then not read.
  void AnswerEarly(Response answer);
  // The deadline passed: a half-sent request becomes a refusal (408, true); an idle connection is to be closed (false).
  bool OnDeadline();
  // Discards what still arrives after the answer to a refused request; false when the peer has closed.
  bool DiscardArrivals();
  // Makes ready for the next request, after `idle` without which the connection ends.
  void StartNext(SteadyTime now, Duration idle);

  const Socket& socket() const { return socket_; }
  // Of the head, but for what request() has: path, query and headers.
  const Head& head() const { return head_; }
  // After kHead; without body and params.
  const Request& request() const { return request_; }
  // After kRequest: with the body. After a refusal, what was understood of the head.
  Request TakeRequest();
  const std::optional<Rejection>& refusal() const { return refusal_; }
  std::optional<Response>& early_answer() { return early_answer_; }
  // The next request can be told from what is left of this one.
  bool MayKeepAlive() const;
  // The body is no longer needed.
  void ReturnBudget() { (void)held_.Hold(input_.size()); }
  SteadyTime deadline() const { return deadline_; }
  // Reading goes on only to let the peer take the answer.
  void StartLinger(SteadyTime deadline);
  bool lingering() const { return lingering_; }

 private:
  Progress ReadHead(const HeadLimits& limits, Duration request_timeout, SteadyTime now);
  Progress FeedBody();
  bool ParseBufferedHead(const HeadLimits& limits);
  void MakeRequest();
  void Refuse(Rejection why);

  Socket socket_;
  std::string remote_address_;
  std::string input_;    // arrived, not consumed
  size_t searched_ = 0;  // of input_, for the end of the head
  bool in_head_ = true;
  bool started_ = false;  // the current request's first byte has arrived
  bool lingering_ = false;
  Head head_;
  Request request_;
  BodyReader body_;
  ByteLease held_;  // for input_ and the body
  std::optional<Rejection> refusal_;
  std::optional<Response> early_answer_;
  SteadyTime deadline_{};
};

}  // namespace perennial::http
