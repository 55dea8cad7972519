#include "api/cli/hub.h"

#include <nlohmann/json.hpp>

namespace perennial::cli {
namespace {

Code CodeOfHttp(int status) {
  switch (status) {
    case 401:
    case 403:
      return Code::kPermissionDenied;
    case 404:
      return Code::kNotFound;
    case 409:
      return Code::kAlreadyExists;
    case 412:
      return Code::kFailedPrecondition;
    case 413:
    case 429:
      return Code::kResourceExhausted;
    case 503:
      return Code::kUnavailable;
    default:
      return status >= 500 ? Code::kInternal : Code::kInvalidArgument;
  }
}

std::string Text(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

Result<std::string> Body(Result<http::ClientResponse> response) {
  if (!response.ok()) {
    const Status failure = response.status();
    if (ExitCodeOf(failure) != kExitUnreachable) return failure;
    return Status(failure.code(), failure.message(),
                  "is the hub running? set --hub URL or PERENNIAL_HUB, or start one: perennial hub");
  }
  PERENNIAL_RETURN_IF_ERROR(StatusOf(*response));
  return std::move(response->body);
}

}  // namespace

Status StatusOf(const http::ClientResponse& response) {
  if (response.status >= 200 && response.status < 300) return Status::Ok();
  Code code = CodeOfHttp(response.status);
  std::string message = "the hub answered " + std::to_string(response.status), hint;
  const auto problem = nlohmann::json::parse(response.body, nullptr, false);
  if (problem.is_object()) {
    if (const auto named = CodeFromName(Text(problem, "code")); named && *named != Code::kOk) code = *named;
    if (const std::string detail = Text(problem, "detail"); !detail.empty()) message = detail;
    hint = Text(problem, "hint");
  }
  if (code == Code::kPermissionDenied && hint.empty()) hint = "set PERENNIAL_TOKEN or pass --token-file";
  return {code, message, hint};
}

Result<std::unique_ptr<Hub>> Hub::Connect(const Context& context) {
  http::ClientOptions options;
  options.base_url = context.hub;
  options.token = context.token;
  PERENNIAL_ASSIGN_OR_RETURN(auto client, http::Client::Make(options));
  return std::unique_ptr<Hub>(new Hub(std::move(client)));
}

Result<std::string> Hub::Get(const std::string& path) { return Body(client_->Get(path)); }
Result<std::string> Hub::Post(const std::string& path, std::string_view json) {
  return Body(client_->Post(path, json, "application/json"));
}
Result<std::string> Hub::Delete(const std::string& path) { return Body(client_->Delete(path)); }

}  // namespace perennial::cli
