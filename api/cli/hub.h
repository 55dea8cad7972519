#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "api/cli/context.h"
#include "serving/http/client.h"
#include "storage/base/status.h"

namespace perennial::cli {

// The hub's admin API as the commands use it: an answer's body, or a Status from its problem document.
// Thread-compatible.
class Hub {
 public:
  static Result<std::unique_ptr<Hub>> Connect(const Context& context);
  Result<std::string> Get(const std::string& path);
  Result<std::string> Post(const std::string& path, std::string_view json);
  Result<std::string> Delete(const std::string& path);
  http::Client& client() { return *client_; }

 private:
  explicit Hub(std::unique_ptr<http::Client> client) : client_(std::move(client)) {}
  std::unique_ptr<http::Client> client_;
};

// Ok for 2xx; else the code, message and hint of the problem document, or of the bare HTTP status.
Status StatusOf(const http::ClientResponse& response);

}  // namespace perennial::cli
