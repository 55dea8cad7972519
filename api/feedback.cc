#include "api/json_body.h"
#include "api/services.h"

namespace perennial::api {
namespace {

Status Post(const Services& services, const ApiOptions& options, const http::Request& request,
            http::Response& response) {
  PERENNIAL_ASSIGN_OR_RETURN(JsonBody body, JsonBody::Parse(request));
  PERENNIAL_ASSIGN_OR_RETURN(const std::string id, body.String("request_id"));
  PERENNIAL_ASSIGN_OR_RETURN(const std::string label, body.String("label"));
  PERENNIAL_RETURN_IF_ERROR(body.RejectUnknown());
  if (id.find(':') == std::string::npos) {
    return InvalidArgument("request_id: '" + id.substr(0, 64) + "' names no node",
                           "give the id of the answer back unchanged; it looks like NODE:NUMBER");
  }
  const format::SampleLimits limits;
  if (label.size() > limits.max_label_bytes) return InvalidArgument("label: longer than 256 bytes");
  PERENNIAL_RETURN_IF_ERROR(
      services.updates.ForwardFeedback(id, label, std::chrono::milliseconds(options.feedback_timeout_ms)));
  response.body = R"({"status":"delivered"})";
  return Status::Ok();
}

}  // namespace

void AddFeedbackRoutes(RouteTable& table, const Services& services, const ApiOptions& options) {
  table.Add("POST", "/api/v1/feedback", [&services, &options](const http::Request& request, http::Response& response) {
    if (const Status done = Post(services, options, request, response); !done.ok()) Fail(response, done);
  });
}

}  // namespace perennial::api
