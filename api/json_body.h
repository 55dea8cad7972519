#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serving/http/server.h"
#include "storage/base/status.h"

namespace perennial::api {

// A small JSON object from a request body, read key by key; a key that nobody read is an error that names the closest
// known one. An empty body is an empty object. Thread-compatible.
class JsonBody {
 public:
  static Result<JsonBody> Parse(const http::Request& request);

  // Required, not empty.
  Result<std::string> String(std::string_view key);
  // Empty when absent.
  Result<std::string> OptionalString(std::string_view key);
  Result<uint64_t> Unsigned(std::string_view key);
  Result<bool> Bool(std::string_view key);
  // `otherwise` when absent.
  Result<bool> OptionalBool(std::string_view key, bool otherwise);
  Status RejectUnknown() const;

 private:
  struct Impl;
  explicit JsonBody(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<Impl> impl_;
};

// A whole number from the query string within [low, high]; `otherwise` when absent.
Result<uint64_t> QueryUnsigned(const http::Request& request, const std::string& name, uint64_t low, uint64_t high,
                               uint64_t otherwise);
// kInvalidArgument when the query holds a name that is not in `known`.
Status RejectUnknownQuery(const http::Request& request, const std::vector<std::string>& known);
// A whole number from the path, "{id}".
Result<uint64_t> PathUnsigned(const http::Request& request, const std::string& name);

// Answers with the problem JSON and HTTP status that fit the failure.
void Fail(http::Response& response, const Status& status);
// The same when a store could not write: 503 with Retry-After, for the request was right and may be sent again.
void FailToStore(http::Response& response, const Status& status);

}  // namespace perennial::api
