#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/status.h"

namespace perennial::http {

// A request as handlers see it. Header names are lower case. Borrowed for the length of the call.
struct Request {
  std::string method;
  std::string path;                           // decoded, without query
  std::map<std::string, std::string> params;  // from "{name}" parts of the route
  std::map<std::string, std::string> query;
  std::multimap<std::string, std::string> headers;
  std::string body;
  struct Part {
    std::string name, filename, content_type, content;
  };
  std::vector<Part> parts;  // multipart/form-data; body is then empty
  std::string remote_address;
  std::string_view Header(std::string_view lower_case_name) const;  // empty when absent
};

// A response: set status and body, or a stream.
struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  // Server-sent events and the like: called repeatedly until it returns false; `write` false means the peer is gone.
  // Each call must return within a second. Streams are capped and do not use up the request threads' pool.
  std::function<bool(const std::function<bool(std::string_view)>& write)> stream;
};

using Handler = std::function<void(const Request&, Response&)>;

struct ServerOptions {
  std::string host = "127.0.0.1";
  int port = 0;  // 0: any free one
  size_t threads = 32;
  size_t max_streams = 16;
  uint64_t max_body_bytes = 64u << 20;
  // Bytes of requests held at once, over all connections; what would need more gets 503. Room for one body of
  // max_body_bytes there is always.
  uint64_t max_buffered_bytes = 256u << 20;
  int request_timeout_ms = 30'000;  // for a request to arrive, from its first byte
  int idle_timeout_ms = 60'000;     // between requests; an idle connection holds no thread
  size_t max_connections = 2048;    // further ones are closed at once
  size_t max_pending = 1024;        // whole requests waiting for a thread; then 503
  Status Validate() const;
};

// The hardened HTTP server all our faces use; our own, on epoll (why: serving/http/README.md). A handler that throws answers 500 as problem JSON; a path without a route answers 404,
// another method 405 with Allow. Thread-safe.
class Server {
 public:
  static Result<std::unique_ptr<Server>> Make(ServerOptions options);
  virtual ~Server() = default;  // drains and joins
  // "/api/v1/versions/{id}": literal segments and {name} segments. REQUIRES: before Listen().
  virtual void Route(const std::string& method, const std::string& pattern, Handler handler) = 0;
  // Runs when a request's head is there and before its body is read (so there is no body, and no params); return true
  // when it answered by itself (authentication): then the body never is read. On the event loop's thread: must be
  // quick.
  virtual void SetFilter(std::function<bool(const Request&, Response&)> filter) = 0;
  // Errors outside handlers (404, 405, 413, 431, 500, 503) are written by this; default: problem JSON.
  // `response.status` is set before the call.
  using ErrorWriter = std::function<void(const Request&, Response&, const Status&)>;
  virtual void SetErrorWriter(ErrorWriter writer) = 0;
  // Binds and serves on own threads. kAlreadyExists when the port is busy.
  virtual Status Listen() = 0;
  virtual int port() const = 0;
  // "127.0.0.1:8080".
  virtual std::string address() const = 0;
  // New requests get 503 with Retry-After; running ones finish.
  virtual void Drain() = 0;
};

// RFC 9457: application/problem+json with type, title, status, detail, code and hint.
void WriteProblem(Response& response, int http_status, const Status& status);
// The HTTP status that fits a code: 400, 404, 409, 412, 413, 429, 500, 503, ...
int HttpStatusOf(Code code);

}  // namespace perennial::http
