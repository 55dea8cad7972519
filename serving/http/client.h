#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/status.h"

namespace perennial::http {

struct ClientOptions {
  std::string base_url;  // "http://127.0.0.1:8080"
  std::string token;     // sent as "Authorization: Bearer"; empty: none
  Duration timeout = std::chrono::seconds(30);
};

struct ClientResponse {
  int status = 0;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // names lower case
  std::string_view Header(std::string_view lower_case_name) const;
};

// A keep-alive HTTP client with TCP_NODELAY. Transport failures are kUnavailable or kDeadlineExceeded with the address
// in the message; any HTTP status is a response. Thread-compatible: one per thread.
class Client {
 public:
  static Result<std::unique_ptr<Client>> Make(ClientOptions options);
  virtual ~Client() = default;
  using Headers = std::vector<std::pair<std::string, std::string>>;
  virtual Result<ClientResponse> Get(const std::string& path, const Headers& headers = {}) = 0;
  virtual Result<ClientResponse> Post(const std::string& path, std::string_view body, const std::string& content_type,
                                      const Headers& headers = {}) = 0;
  virtual Result<ClientResponse> Delete(const std::string& path) = 0;
  virtual Result<ClientResponse> Patch(const std::string& path, std::string_view body,
                                       const std::string& content_type) = 0;
  // Reads a stream until `on_data` returns false or the peer ends it.
  virtual Status Stream(const std::string& path, const std::function<bool(std::string_view)>& on_data) = 0;
};

}  // namespace perennial::http
