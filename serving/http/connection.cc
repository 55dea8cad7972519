#include "serving/http/connection.h"

#include <algorithm>

namespace perennial::http {
namespace {
constexpr size_t kReadAtOnce = 256u << 10;
constexpr uint64_t kSlowestBodyBytesPerSecond = 256u << 10;
constexpr size_t kKeptWhenIdle = 64u << 10;  // of the input's memory
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

Rejection NoRoom() {
  return {503, ResourceExhausted("the server holds as many bytes of requests as it may", "try again in a moment")};
}

}  // namespace

Connection::Progress Connection::OnReadable(const HeadLimits& limits, Duration request_timeout, SteadyTime now) {
  // Requests sent ahead wait in the socket once so much of them is here.
  const Socket::Read got = socket_.ReadSome(input_, kReadAtOnce - std::min(kReadAtOnce, input_.size()));
  const Progress progress = in_head_ ? ReadHead(limits, request_timeout, now) : FeedBody();
  // A peer that has closed its sending end may still wait for answers to what it sent before.
  return got == Socket::Read::kEnd && progress == Progress::kNeedMore ? Progress::kClosed : progress;
}

Connection::Progress Connection::ReadHead(const HeadLimits& limits, Duration request_timeout, SteadyTime now) {
  // A blank line before a request is allowed (RFC 9112, section 2.2).
  size_t blank = 0;
  while (!started_ && input_.compare(blank, 2, "\r\n") == 0) blank += 2;
  if (blank > 0) input_.erase(0, blank);  // at once: a peer may send 100,000 of them
  if (!started_ && (input_.empty() || input_ == "\r")) return Progress::kNeedMore;
  if (!started_) {
    started_ = true;
    deadline_ = now + request_timeout;
  }
  if (!ParseBufferedHead(limits)) return refusal_ ? Progress::kRequest : Progress::kNeedMore;
  MakeRequest();
  return Progress::kHead;
}

Connection::Progress Connection::ReadBody(const HeadLimits& limits, Duration request_timeout, SteadyTime now) {
  const uint64_t expected = head_.chunked ? limits.max_body_bytes : head_.content_length;
  deadline_ = now + request_timeout + std::chrono::seconds(expected / kSlowestBodyBytesPerSecond);
  if (!held_.MayHold(head_.content_length)) {
    Refuse(NoRoom());
    return Progress::kRequest;
  }
  body_.Begin(head_, limits.max_body_bytes);
  if (head_.expect_continue && input_.empty() && !socket_.WriteAll(kContinue, now)) return Progress::kClosed;
  return FeedBody();
}

Connection::Progress Connection::FeedBody() {
  auto refused = body_.Feed(input_);
  if (!refused && !held_.Hold(body_.size() + input_.size())) refused = NoRoom();
  if (refused) {
    Refuse(std::move(*refused));
    return Progress::kRequest;
  }
  return body_.done() ? Progress::kRequest : Progress::kNeedMore;
}

void Connection::AnswerEarly(Response answer) {
  early_answer_ = std::move(answer);
  if (!MayKeepAlive()) input_.clear();
}

bool Connection::MayKeepAlive() const {
  if (!head_.keep_alive || refusal_) return false;
  return !early_answer_ || (!head_.chunked && head_.content_length == 0);
}

void Connection::MakeRequest() {
  request_.method = head_.method;
  request_.path = std::move(head_.path);
  request_.query = std::move(head_.query);
  request_.headers = std::move(head_.headers);
  request_.remote_address = remote_address_;
}

Request Connection::TakeRequest() {
  if (in_head_) MakeRequest();
  request_.body = body_.Take();
  return std::move(request_);
}

void Connection::Refuse(Rejection why) {
  refusal_ = std::move(why);
  body_ = BodyReader();
  input_ = std::string();
  (void)held_.Hold(0);
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
  request_ = Request();
  body_ = BodyReader();
  if (input_.empty() && input_.capacity() > kKeptWhenIdle) input_ = std::string();
  ReturnBudget();
  refusal_.reset();
  early_answer_.reset();
  deadline_ = now + idle;
}

void Connection::StartLinger(SteadyTime deadline) {
  lingering_ = true;
  deadline_ = deadline;
  input_ = std::string();
  ReturnBudget();
  socket_.ShutdownWrite();
}

}  // namespace perennial::http
