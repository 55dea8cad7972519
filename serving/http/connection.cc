#include "serving/http/connection.h"

#include <algorithm>

namespace perennial::http {
namespace {
constexpr size_t kReadAtOnce = 256u << 10;
constexpr uint64_t kSlowestBodyBytesPerSecond = 256u << 10;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
}  // namespace

Connection::Progress Connection::OnReadable(const HeadLimits& limits, Duration request_timeout, SteadyTime now) {
  const Socket::Read got = socket_.ReadSome(input_, kReadAtOnce);
  const Progress progress = Advance(limits, request_timeout, now);
  // A peer that has closed its sending end may still wait for answers to what it sent before.
  return got == Socket::Read::kEnd && progress == Progress::kNeedMore ? Progress::kClosed : progress;
}

Connection::Progress Connection::Advance(const HeadLimits& limits, Duration request_timeout, SteadyTime now) {
  // A blank line before a request is allowed (RFC 9112, section 2.2).
  while (in_head_ && !started_ && input_.size() >= 2 && input_[0] == '\r' && input_[1] == '\n') input_.erase(0, 2);
  if (input_.empty() && in_head_) return Progress::kNeedMore;
  if (!started_) {
    started_ = true;
    deadline_ = now + request_timeout;
  }
  if (in_head_) {
    if (!ParseBufferedHead(limits)) return refusal_ ? Progress::kRequest : Progress::kNeedMore;
    const uint64_t expected = head_.chunked ? limits.max_body_bytes : head_.content_length;
    deadline_ = now + request_timeout + std::chrono::seconds(expected / kSlowestBodyBytesPerSecond);
    body_.Begin(head_, limits.max_body_bytes);
    if (head_.expect_continue && input_.empty() && !socket_.WriteAll(kContinue, now)) return Progress::kClosed;
  }
  if (auto refused = body_.Feed(input_)) {
    Refuse(std::move(*refused));
    return Progress::kRequest;
  }
  return body_.done() ? Progress::kRequest : Progress::kNeedMore;
}

bool Connection::ParseBufferedHead(const HeadLimits& limits) {
  const size_t from = searched_ > 3 ? searched_ - 3 : 0;
  const size_t end = input_.find("\r\n\r\n", from);
  searched_ = input_.size();
  if (std::min(end, input_.size()) > limits.max_head_bytes) {
    if (input_.find("\r\n") > limits.max_target_bytes) {
      Refuse({414, InvalidArgument("the request line is too long")});
    } else {
      Refuse({431, InvalidArgument("the request's head exceeds " + std::to_string(limits.max_head_bytes) + " bytes")});
    }
    return false;
  }
  if (end == std::string::npos) return false;
  if (auto refused = ParseHead(std::string_view(input_).substr(0, end + 4), limits, head_)) {
    Refuse(std::move(*refused));
    return false;
  }
  input_.erase(0, end + 4);
  in_head_ = false;
  return true;
}

bool Connection::OnDeadline() {
  if (lingering_ || !started_) return false;
  Refuse({408, DeadlineExceeded("the request did not arrive in time")});
  return true;
}

bool Connection::DiscardArrivals() {
  input_.clear();
  return socket_.ReadSome(input_, kReadAtOnce) != Socket::Read::kEnd;
}

void Connection::StartNext(SteadyTime now, Duration idle) {
  in_head_ = true;
  started_ = false;
  searched_ = 0;
  head_ = Head();
  body_ = BodyReader();
  refusal_.reset();
  deadline_ = now + idle;
}

void Connection::StartLinger(SteadyTime deadline) {
  lingering_ = true;
  deadline_ = deadline;
  socket_.ShutdownWrite();
}

}  // namespace perennial::http
