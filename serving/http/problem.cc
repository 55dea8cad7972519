#include <nlohmann/json.hpp>

#include "serving/http/response_writer.h"
#include "serving/http/server.h"

namespace perennial::http {

void WriteProblem(Response& response, int http_status, const Status& status) {
  nlohmann::json body = {{"type", "about:blank"},
                         {"title", std::string(ReasonPhrase(http_status))},
                         {"status", http_status},
                         {"detail", status.message()},
                         {"code", std::string(CodeName(status.code()))}};
  if (!status.hint().empty()) body["hint"] = status.hint();
  response.status = http_status;
  response.content_type = "application/problem+json";
  response.body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

int HttpStatusOf(Code code) {
  switch (code) {
    case Code::kOk:
      return 200;
    case Code::kInvalidArgument:
      return 400;
    case Code::kNotFound:
      return 404;
    case Code::kAlreadyExists:
      return 409;
    case Code::kFailedPrecondition:
      return 412;
    case Code::kCorruption:
      return 500;
    case Code::kIoError:
      return 500;
    case Code::kResourceExhausted:
      return 429;
    case Code::kDeadlineExceeded:
      return 504;
    case Code::kUnavailable:
      return 503;
    case Code::kPermissionDenied:
      return 403;
    case Code::kCancelled:
      return 503;
    case Code::kInternal:
      return 500;
  }
  return 500;
}

}  // namespace perennial::http
