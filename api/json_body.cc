#include "api/json_body.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "storage/base/config.h"

namespace perennial::api {
namespace {

constexpr size_t kMaxBodyBytes = 64u << 10;

Result<uint64_t> ParseUnsigned(const std::string& name, std::string_view text, uint64_t low, uint64_t high) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < low || value > high) {
    return InvalidArgument(name + ": '" + std::string(text.substr(0, 40)) + "' is not a whole number from " +
                           std::to_string(low) + " to " + std::to_string(high));
  }
  return value;
}

}  // namespace

struct JsonBody::Impl {
  nlohmann::json object;
  std::set<std::string, std::less<>> read;

  const nlohmann::json* Find(std::string_view key) {
    read.emplace(key);
    const auto found = object.find(key);
    return found == object.end() || found->is_null() ? nullptr : &*found;
  }
};

Result<JsonBody> JsonBody::Parse(const http::Request& request) {
  if (request.body.size() > kMaxBodyBytes) return InvalidArgument("the body is larger than 64 KiB");
  auto impl = std::make_shared<Impl>();
  impl->object = nlohmann::json::object();
  if (!request.body.empty()) {
    impl->object = nlohmann::json::parse(request.body, nullptr, false);
    if (impl->object.is_discarded()) return InvalidArgument("the body is not JSON", "send one JSON object");
    if (!impl->object.is_object()) return InvalidArgument("the body is not a JSON object");
  }
  return JsonBody(std::move(impl));
}

Result<std::string> JsonBody::String(std::string_view key) {
  PERENNIAL_ASSIGN_OR_RETURN(std::string value, OptionalString(key));
  if (value.empty()) return InvalidArgument(std::string(key) + ": missing", "it is a string that is not empty");
  return value;
}

Result<std::string> JsonBody::OptionalString(std::string_view key) {
  const nlohmann::json* value = impl_->Find(key);
  if (value == nullptr) return std::string();
  if (!value->is_string()) return InvalidArgument(std::string(key) + ": must be a string");
  return value->get<std::string>();
}

Result<uint64_t> JsonBody::Unsigned(std::string_view key) {
  const nlohmann::json* value = impl_->Find(key);
  if (value == nullptr) return InvalidArgument(std::string(key) + ": missing", "it is a whole number");
  if (!value->is_number_unsigned()) return InvalidArgument(std::string(key) + ": must be a whole number, not negative");
  return value->get<uint64_t>();
}

Result<bool> JsonBody::Bool(std::string_view key) {
  const nlohmann::json* value = impl_->Find(key);
  if (value == nullptr) return InvalidArgument(std::string(key) + ": missing", "it is true or false");
  if (!value->is_boolean()) return InvalidArgument(std::string(key) + ": must be true or false");
  return value->get<bool>();
}

Result<bool> JsonBody::OptionalBool(std::string_view key, bool otherwise) {
  return impl_->Find(key) == nullptr ? otherwise : Bool(key);
}

Status JsonBody::RejectUnknown() const {
  for (const auto& [key, value] : impl_->object.items()) {
    if (impl_->read.contains(key)) continue;
    const std::string closest = ClosestWord(key, {impl_->read.begin(), impl_->read.end()});
    return InvalidArgument(key.substr(0, 64) + ": unknown field",
                           closest.empty() ? "remove it" : "did you mean '" + closest + "'?");
  }
  return Status::Ok();
}

Result<uint64_t> QueryUnsigned(const http::Request& request, const std::string& name, uint64_t low, uint64_t high,
                               uint64_t otherwise) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? otherwise : ParseUnsigned(name, found->second, low, high);
}

Status RejectUnknownQuery(const http::Request& request, const std::vector<std::string>& known) {
  for (const auto& [name, value] : request.query) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::string closest = ClosestWord(name, known);
    return InvalidArgument(name.substr(0, 64) + ": unknown query parameter",
                           closest.empty() ? "remove it" : "did you mean '" + closest + "'?");
  }
  return Status::Ok();
}

Result<uint64_t> PathUnsigned(const http::Request& request, const std::string& name) {
  const auto found = request.params.find(name);
  if (found == request.params.end()) return Internal("route without {" + name + "}");
  return ParseUnsigned(name, found->second, 0, UINT64_MAX);
}

void Fail(http::Response& response, const Status& status) {
  http::WriteProblem(response, http::HttpStatusOf(status.code()), status);
}

void FailToStore(http::Response& response, const Status& status) {
  const bool storage = status.code() == Code::kResourceExhausted || status.code() == Code::kIoError;
  if (!storage) return Fail(response, status);
  response.headers.emplace_back("Retry-After", "30");
  http::WriteProblem(
      response, 503,
      Status(status.code(), status.message(),
             status.hint().empty() ? "nothing of this request was stored; free some disk space and send it again"
                                   : status.hint()));
}

}  // namespace perennial::api
