#include "serving/http/server.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <set>

#include "serving/http/event_loop.h"
#include "serving/http/multipart.h"
#include "serving/http/response_writer.h"
#include "serving/http/router.h"
#include "serving/http/stream_pool.h"
#include "storage/base/log.h"
#include "storage/base/queue.h"

namespace perennial::http {
namespace {

constexpr auto kWriteTimeout = std::chrono::seconds(10);
constexpr auto kLingerTime = std::chrono::seconds(2);
constexpr auto kWorkerWait = std::chrono::minutes(1);

class ServerImpl final : public Server {
 public:
  explicit ServerImpl(ServerOptions options)
      : options_(std::move(options)),
        budget_(std::max(options_.max_buffered_bytes, options_.max_body_bytes)),
        pending_(options_.max_pending),
        streams_(options_.max_streams) {
    error_writer_ = [](const Request&, Response& response, const Status& status) {
      WriteProblem(response, response.status, status);
    };
  }

  ~ServerImpl() override {
    Drain();
    if (loop_) loop_->Stop();
    pending_.Close();
    for (Thread& worker : workers_) worker.Join();
    streams_.Stop();
  }

  void Route(const std::string& method, const std::string& pattern, Handler handler) override {
    router_.Add(method, pattern, std::move(handler));
  }
  void SetFilter(std::function<bool(const Request&, Response&)> filter) override { filter_ = std::move(filter); }
  void SetErrorWriter(ErrorWriter writer) override { error_writer_ = std::move(writer); }

  Status Listen() override {
    if (loop_) return FailedPrecondition("the server listens already");
    PERENNIAL_ASSIGN_OR_RETURN(Socket listener, ListenOn(options_.host, options_.port, port_));
    EventLoopOptions loop_options;
    loop_options.limits.max_body_bytes = options_.max_body_bytes;
    loop_options.request_timeout = std::chrono::milliseconds(options_.request_timeout_ms);
    loop_options.idle_timeout = std::chrono::milliseconds(options_.idle_timeout_ms);
    loop_options.max_connections = options_.max_connections;
    PERENNIAL_ASSIGN_OR_RETURN(loop_,
                               EventLoop::Start(
                                   std::move(listener), loop_options, budget_, [this](Connection& c) { Admit(c); },
                                   [this](std::unique_ptr<Connection>& c) { return pending_.TryPush(c); }));
    for (size_t i = 0; i < options_.threads; ++i) {
      workers_.emplace_back("http-" + std::to_string(i), [this] { Work(); });
    }
    return Status::Ok();
  }

  int port() const override { return port_; }
  std::string address() const override {
    const bool is_v6 = options_.host.find(':') != std::string::npos;
    return (is_v6 ? "[" + options_.host + "]" : options_.host) + ":" + std::to_string(port_);
  }
  void Drain() override { draining_ = true; }

 private:
  // On the loop's thread.
  void Admit(Connection& connection) {
    if (!filter_) return;
    Response response;
    if (Guard(connection.request(), response, [&] { return filter_(connection.request(), response); }))
      connection.AnswerEarly(std::move(response));
  }

  void Work() {
    while (true) {
      auto connection = pending_.Pop(std::chrono::steady_clock::now() + kWorkerWait);
      if (connection) {
        Serve(std::move(*connection));
      } else if (pending_.closed()) {
        return;
      }
    }
  }

  void Serve(std::unique_ptr<Connection> connection) {
    Request request = connection->TakeRequest();
    Response response;
    Answer(*connection, request, response);
    const bool http_1_0 = connection->head().http_1_0;
    if (response.stream) {
      const bool chunked = !http_1_0;
      std::string head = FormatHead(response, false, chunked ? Framing::kChunked : Framing::kUntilClose);
      connection->ReturnBudget();
      if (streams_.TryStart(connection, std::move(head), chunked, std::move(response.stream))) return;
      response = Response();
      response.headers.emplace_back("Retry-After", "5");
      Fail(request, response, 503, ResourceExhausted("too many open streams", "close another listener"));
    }
    const bool keep_alive = connection->MayKeepAlive() && !draining_;
    std::string bytes = FormatHead(response, keep_alive, Framing::kLength);
    if (connection->head().method != "HEAD") bytes += response.body;
    if (!connection->socket().WriteAll(bytes, std::chrono::steady_clock::now() + kWriteTimeout)) return;
    // Closing with unread bytes would reset the connection and may destroy the answer on its way.
    if (!keep_alive) connection->StartLinger(std::chrono::steady_clock::now() + kLingerTime);
    loop_->Give(std::move(connection));
  }

  void Answer(Connection& connection, Request& request, Response& response) {
    if (const auto& refusal = connection.refusal()) return Fail(request, response, refusal->http_status, refusal->why);
    if (auto& early = connection.early_answer()) {
      response = std::move(*early);
    } else if (draining_) {
      Fail(request, response, 503, Unavailable("the server is shutting down", "try again in a moment"));
    } else {
      (void)Guard(request, response, [&] {
        Dispatch(connection.head(), request, response);
        return true;
      });
    }
  }

  // Runs what is not ours; when it throws, the answer is 500 and true is returned.
  template <typename Call>
  bool Guard(const Request& request, Response& response, Call call) {
    try {
      return call();
    } catch (const std::exception& failure) {
      log::Error("http_handler_threw", {{"path", request.path}, {"what", failure.what()}});
      response = Response();
      Fail(request, response, 500, Internal("the handler failed", "the server's log has the reason"));
      return true;
    }
  }

  void Dispatch(const Head& head, Request& request, Response& response) {
    Router::Match match = router_.Find(head.method, head.segments);
    if (match.handler == nullptr) {
      if (match.allowed.empty()) return Fail(request, response, 404, NotFound("no such path: " + request.path));
      std::string allow;
      for (const std::string& method : std::set<std::string>(match.allowed.begin(), match.allowed.end())) {
        allow += (allow.empty() ? "" : ", ") + method;
      }
      response.headers.emplace_back("Allow", allow);
      return Fail(request, response, 405, InvalidArgument(request.method + " is not served here", "use " + allow));
    }
    request.params = std::move(match.params);
    const std::string content_type(request.Header("content-type"));
    if (const std::string boundary = MultipartBoundary(content_type); !boundary.empty()) {
      auto parts = ParseMultipart(request.body, boundary);
      if (!parts.ok()) return Fail(request, response, 400, parts.status());
      request.parts = std::move(*parts);
      request.body.clear();
    }
    (*match.handler)(request, response);
  }

  void Fail(const Request& request, Response& response, int http_status, const Status& why) {
    response.status = http_status;
    try {
      error_writer_(request, response, why);
    } catch (const std::exception& failure) {
      log::Error("http_error_writer_threw", {{"what", failure.what()}});
      WriteProblem(response, http_status, why);
    }
    const auto names_retry = [](const auto& header) { return header.first == "Retry-After"; };
    if (http_status == 503 && std::none_of(response.headers.begin(), response.headers.end(), names_retry))
      response.headers.emplace_back("Retry-After", "1");
  }

  const ServerOptions options_;
  Router router_;
  std::function<bool(const Request&, Response&)> filter_;
  ErrorWriter error_writer_;
  int port_ = 0;
  std::atomic<bool> draining_{false};
  ByteBudget budget_;  // outlives all connections, which the next three hold
  BoundedQueue<std::unique_ptr<Connection>> pending_;
  StreamPool streams_;
  std::unique_ptr<EventLoop> loop_;
  std::vector<Thread> workers_;
};

}  // namespace

std::string_view Request::Header(std::string_view lower_case_name) const {
  const auto found = headers.find(std::string(lower_case_name));
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

Status ServerOptions::Validate() const {
  if (port < 0 || port > 65535) return InvalidArgument("http port " + std::to_string(port) + " is not within 0..65535");
  if (threads == 0 || threads > 1024) return InvalidArgument("http threads must be 1 to 1024");
  if (request_timeout_ms <= 0 || idle_timeout_ms <= 0) return InvalidArgument("http timeouts must be positive");
  if (max_connections == 0 || max_pending == 0) return InvalidArgument("http connection limits must be positive");
  return Status::Ok();
}

Result<std::unique_ptr<Server>> Server::Make(ServerOptions options) {
  PERENNIAL_RETURN_IF_ERROR(options.Validate());
  return std::unique_ptr<Server>(std::make_unique<ServerImpl>(std::move(options)));
}

}  // namespace perennial::http
