#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "api/ingest.h"
#include "api/json_body.h"
#include "storage/base/config.h"
#include "storage/sources/source.h"
#include "storage/sources/text_time.h"

namespace perennial::api {
namespace {

const std::vector<std::string> kFormFields = {"image", "text",  "label", "source", "id",
                                              "group", "slice", "part",  "time"};

Status SetField(format::Sample& sample, const http::Request::Part& part) {
  if (part.name == "image") sample.image = part.content;
  if (part.name == "text") sample.text = part.content;
  if (part.name == "label") sample.label = part.content;
  if (part.name == "source") sample.source = part.content;
  if (part.name == "id") sample.id = part.content;
  if (part.name == "group") sample.group = part.content;
  if (part.name == "slice") sample.slice = part.content;
  if (part.name == "part") {
    if (part.content != "train" && part.content != "test") return InvalidArgument("part: must be 'train' or 'test'");
    sample.part = part.content == "test" ? format::Part::kTest : format::Part::kTrain;
  }
  if (part.name == "time") {
    PERENNIAL_ASSIGN_OR_RETURN(sample.time_us, sources::ParseTime(part.content));
  }
  return Status::Ok();
}

Result<format::Sample> SampleFromForm(const http::Request& request) {
  format::Sample sample;
  std::vector<std::string> seen;
  for (const http::Request::Part& part : request.parts) {
    if (std::find(kFormFields.begin(), kFormFields.end(), part.name) == kFormFields.end()) {
      const std::string closest = ClosestWord(part.name, kFormFields);
      return InvalidArgument(part.name.substr(0, 64) + ": unknown form field",
                             closest.empty() ? "fields are image, text, label, source, id, group, slice, part, time"
                                             : "did you mean '" + closest + "'?");
    }
    if (std::find(seen.begin(), seen.end(), part.name) != seen.end()) {
      return InvalidArgument(part.name + ": given twice", "send one sample a request, or many to /api/v1/samples/bulk");
    }
    seen.push_back(part.name);
    PERENNIAL_RETURN_IF_ERROR(SetField(sample, part));
  }
  return sample;
}

// Problem JSON that also says where the sample is kept.
void WriteQuarantined(http::Response& response, const Status& error, uint64_t quarantine_id) {
  http::WriteProblem(response, 422, error);
  auto problem = nlohmann::ordered_json::parse(response.body, nullptr, false);
  if (!problem.is_object() || quarantine_id == 0) return;
  problem["quarantine_id"] = quarantine_id;
  response.body = problem.dump();
}

void AppendOne(const Services& services, format::Sample sample, http::Response& response) {
  using State = samples::AppendOutcome::State;
  auto appended = services.log.Append({std::move(sample)}, {"request"});
  if (!appended.ok()) return FailToStore(response, appended.status());
  const samples::AppendOutcome& outcome = appended->front();
  if (outcome.state == State::kRefused) return Fail(response, outcome.error);
  if (outcome.state == State::kQuarantined) return WriteQuarantined(response, outcome.error, outcome.quarantine_id);
  response.status = outcome.state == State::kAccepted ? 201 : 200;
  response.body = OutcomeJson(outcome, {});
}

void PostSample(const Services& services, const ApiOptions& options, const http::Request& request,
                http::Response& response) {
  if (!AdmitSamples(services, options, response)) return;
  if (!request.parts.empty()) {
    auto sample = SampleFromForm(request);
    if (!sample.ok()) return Fail(response, sample.status());
    return AppendOne(services, *std::move(sample), response);
  }
  if (!request.Header("content-type").starts_with("application/json")) {
    return http::WriteProblem(response, 415,
                              InvalidArgument("the body is neither a form nor JSON",
                                              "curl -F image=@photo.jpg -F text='what is it?' -F label=scratch URL"));
  }
  auto sample = sources::SampleFromJson(request.body);
  if (!sample.ok()) {
    const auto id = services.log.Quarantine(sample.status(), "request", {});
    return WriteQuarantined(response, sample.status(), id.ok() ? *id : 0);
  }
  AppendOne(services, *std::move(sample), response);
}

Status PostLabel(const Services& services, const http::Request& request, http::Response& response) {
  PERENNIAL_ASSIGN_OR_RETURN(JsonBody body, JsonBody::Parse(request));
  PERENNIAL_ASSIGN_OR_RETURN(const std::string source, body.String("source"));
  PERENNIAL_ASSIGN_OR_RETURN(const std::string id, body.String("id"));
  PERENNIAL_ASSIGN_OR_RETURN(const std::string label, body.String("label"));
  PERENNIAL_RETURN_IF_ERROR(body.RejectUnknown());
  PERENNIAL_ASSIGN_OR_RETURN(const Offset offset, services.log.AppendLateLabel(source, id, label));
  response.status = 201;
  response.body = R"({"offset":)" + offset.ToString() + "}";
  return Status::Ok();
}

Status PostFlush(const Services& services, const http::Request& request, http::Response& response) {
  PERENNIAL_ASSIGN_OR_RETURN(JsonBody body, JsonBody::Parse(request));
  PERENNIAL_RETURN_IF_ERROR(body.RejectUnknown());
  PERENNIAL_ASSIGN_OR_RETURN(const Offset offset, services.log.AppendFlush());
  response.body = R"({"offset":)" + offset.ToString() + "}";
  return Status::Ok();
}

}  // namespace

void AddSampleRoutes(RouteTable& table, const Services& services, const ApiOptions& options,
                     IdempotencyMemory& memory) {
  table.Add("POST", "/api/v1/samples",
            [&services, &options, &memory](const http::Request& request, http::Response& response) {
              memory.Handle(request, response, [&](const http::Request& first, http::Response& answer) {
                PostSample(services, options, first, answer);
              });
            });
  table.Add("POST", "/api/v1/samples/label", [&services](const http::Request& request, http::Response& response) {
    if (const Status done = PostLabel(services, request, response); !done.ok()) FailToStore(response, done);
  });
  table.Add("POST", "/api/v1/samples/flush", [&services](const http::Request& request, http::Response& response) {
    if (const Status done = PostFlush(services, request, response); !done.ok()) FailToStore(response, done);
  });
}

}  // namespace perennial::api
