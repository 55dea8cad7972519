#include "serving/protocol.h"

#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>

#include "serving/infer_request.h"
#include "serving/infer_response.h"

namespace perennial::serving {
namespace {

using Json = nlohmann::ordered_json;
constexpr const char* kVersionHeader = "Perennial-Version";
constexpr const char* kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

void WriteError(http::Response& response, int http_status, const Status& status) {
  response.status = http_status;
  response.content_type = "application/json";
  response.body = FormatError(status);
  if (http_status == 429 || http_status == 503) response.headers.emplace_back("Retry-After", "1");
}

void WriteError(http::Response& response, const Status& status) {
  WriteError(response, http::HttpStatusOf(status.code()), status);
}

std::string Query(const http::Request& request, const std::string& name) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? std::string() : found->second;
}

// The handlers of one node; shared by the routes, read-only.
class Face {
 public:
  Face(Engine& engine, ProtocolOptions options) : engine_(engine), options_(std::move(options)) {}

  void Metadata(const http::Request&, http::Response& response) const {
    response.body =
        Json{{"name", options_.server_name}, {"version", options_.server_version}, {"extensions", Json::array()}}
            .dump();
  }

  void Live(const http::Request&, http::Response&) const {}

  void Ready(const http::Request&, http::Response& response) const {
    if (engine_.GetStatus().stable.value == 0) WriteError(response, Unavailable("no version has arrived yet"));
  }

  void ModelMetadata(const http::Request& request, http::Response& response) const {
    std::optional<VersionId> pinned;
    if (const Status known = Resolve(request, pinned); !known.ok()) return WriteError(response, known);
    const EngineStatus status = engine_.GetStatus();
    Json versions = Json::array();
    if (status.stable.value != 0) versions.push_back(status.stable.ToString());
    if (status.candidate.value != 0) versions.push_back(status.candidate.ToString());
    const auto tensor = [](const char* name, const char* datatype, Json shape) {
      return Json{{"name", name}, {"datatype", datatype}, {"shape", std::move(shape)}};
    };
    const Json body = {{"name", options_.model_name},
                       {"versions", versions},
                       {"platform", "perennial"},
                       {"inputs", {tensor("image", "BYTES", {-1}), tensor("text", "BYTES", {-1})}},
                       {"outputs",
                        {tensor("label", "BYTES", {-1}), tensor("confidence", "FP32", {-1}),
                         tensor("top_labels", "BYTES", {-1, -1}), tensor("top_scores", "FP32", {-1, -1})}},
                       {"labels", status.labels}};
    response.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  }

  void ModelReady(const http::Request& request, http::Response& response) const {
    std::optional<VersionId> pinned;
    if (const Status known = Resolve(request, pinned); !known.ok()) return WriteError(response, known);
    Ready(request, response);
  }

  void Infer(const http::Request& request, http::Response& response) const {
    std::optional<VersionId> pinned;
    if (const Status known = Resolve(request, pinned); !known.ok()) return WriteError(response, known);
    const std::string_view type = request.Header("content-type");
    if (type.starts_with("image/jpeg") || type.starts_with("image/png")) return InferRaw(request, pinned, response);
    InferJson(request, pinned, response);
  }

  void Feedback(const http::Request& request, http::Response& response) const {
    const Json body = Json::parse(request.body, nullptr, false);
    if (!body.is_object() || !body.contains("request_id") || !body.contains("label") ||
        !body["request_id"].is_string() || !body["label"].is_string()) {
      return WriteError(response, InvalidArgument(R"(feedback must be {"request_id": "...", "label": "..."})"));
    }
    if (!engine_.Feedback(body["request_id"].get<std::string>(), body["label"].get<std::string>())) {
      return WriteError(response, NotFound("request_id is not known here, or its feedback came already",
                                           "give the id of a recent answer of this node"));
    }
    response.body = R"({"accepted":true})";
  }

  void Metrics(const http::Request&, http::Response& response) const {
    response.content_type = kMetricsType;
    response.body = engine_.MetricsText();
    if (options_.more_metrics) response.body += options_.more_metrics();
  }

 private:
  // The path's model and version. `pinned` stays empty without a version, and is 0 for the name "stable": whatever is
  // stable when the request is routed.
  Status Resolve(const http::Request& request, std::optional<VersionId>& pinned) const {
    const std::string& model = request.params.at("model");
    if (model != options_.model_name) return NotFound("Request for unknown model: '" + model + "' is not found");
    const auto version = request.params.find("version");
    if (version == request.params.end()) return Status::Ok();
    const EngineStatus status = engine_.GetStatus();
    VersionId id;
    if (version->second == "stable") {
      id = status.stable;
    } else if (version->second == "canary") {
      id = status.candidate;
    } else {
      const std::string& digits = version->second;
      const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), id.value);
      if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size()) id = VersionId{};
    }
    if (id.value == 0 || (id != status.stable && id != status.candidate)) {
      return NotFound("Request for unknown model: '" + model + "' version " + version->second + " is not found",
                      "GET /v2/models/" + model + " lists the versions");
    }
    pinned = version->second == "stable" ? VersionId{} : id;
    return Status::Ok();
  }

  static void Stamp(const InferAnswer& answer, http::Response& response) {
    response.headers.emplace_back(kVersionHeader, answer.version.ToString());
  }

  void InferRaw(const http::Request& request, std::optional<VersionId> pinned, http::Response& response) const {
    InferRequest sample;
    sample.image = request.body;
    if (sample.image.empty())
      return WriteError(response, InvalidArgument("the body is empty", "send the image's bytes as the body"));
    sample.text = Query(request, "text");
    sample.id = Query(request, "id");
    sample.routing_key = RoutingKey(request, Query(request, "routing_key"));
    sample.pinned = pinned;
    const auto answer = engine_.Infer(std::move(sample));
    if (!answer.ok()) return WriteError(response, answer.status());
    Stamp(*answer, response);
    response.body = FormatShortAnswer(options_.model_name, *answer);
  }

  void InferJson(const http::Request& request, std::optional<VersionId> pinned, http::Response& response) const {
    if (!request.Header("inference-header-content-length").empty()) {
      return WriteError(response, InvalidArgument("binary tensors are not taken here",
                                                  "send JSON, or one image with Content-Type image/jpeg"));
    }
    auto parsed = ParseInferRequest(request.body, options_.model_name);
    if (!parsed.ok()) return WriteError(response, parsed.status());
    for (InferRequest& sample : parsed->samples) {
      sample.pinned = pinned;
      sample.routing_key = RoutingKey(request, sample.routing_key);
    }
    const auto answers = engine_.InferAll(std::move(parsed->samples));
    if (!answers.ok()) return WriteError(response, answers.status());
    Stamp(answers->front(), response);
    response.body = FormatInferResponse(options_.model_name, *parsed, *answers);
  }

  // The header wins over the parameter, so that a gateway can decide.
  static std::string RoutingKey(const http::Request& request, const std::string& parameter) {
    const std::string_view header = request.Header("perennial-routing-key");
    return header.empty() ? parameter : std::string(header);
  }

  Engine& engine_;
  const ProtocolOptions options_;
};

}  // namespace

void MountInference(http::Server& server, Engine& engine, ProtocolOptions options) {
  const auto face = std::make_shared<const Face>(engine, std::move(options));
  const auto route = [&](const char* method, const std::string& pattern, auto handler) {
    server.Route(method, pattern,
                 [face, handler](const http::Request& q, http::Response& r) { ((*face).*handler)(q, r); });
  };
  route("GET", "/v2", &Face::Metadata);
  route("GET", "/v2/", &Face::Metadata);
  route("GET", "/v2/health/live", &Face::Live);
  route("GET", "/v2/health/ready", &Face::Ready);
  route("GET", "/healthz", &Face::Live);
  for (const std::string model : {"/v2/models/{model}", "/v2/models/{model}/versions/{version}"}) {
    route("GET", model, &Face::ModelMetadata);
    route("GET", model + "/ready", &Face::ModelReady);
    route("POST", model + "/infer", &Face::Infer);
  }
  route("POST", "/v2/feedback", &Face::Feedback);
  route("GET", "/metrics", &Face::Metrics);
  server.SetErrorWriter([](const http::Request&, http::Response& response, const Status& why) {
    WriteError(response, response.status, why);
  });
}

}  // namespace perennial::serving
