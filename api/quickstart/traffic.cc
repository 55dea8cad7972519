#include "api/quickstart/traffic.h"

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "api/quickstart/hub_api.h"
#include "storage/base/bytes.h"

namespace perennial::quickstart {
namespace {

using nlohmann::json;
using Seconds = std::chrono::duration<double>;

json Input(const char* name, std::string value) {
  return {{"name", name}, {"datatype", "BYTES"}, {"shape", {1}}, {"data", {std::move(value)}}};
}

std::string InferBody(const format::Sample& sample) {
  json inputs = json::array();
  if (!sample.image.empty()) inputs.push_back(Input("image", Base64Encode(sample.image)));
  if (!sample.text.empty()) inputs.push_back(Input("text", sample.text));
  return json{{"inputs", std::move(inputs)}}.dump();
}

uint64_t ToNumber(std::string_view text) { return std::strtoull(std::string(text).c_str(), nullptr, 10); }

// The value of a named output of an Open Inference Protocol answer: its first element.
json FirstOutput(const json& answer, std::string_view name) {
  for (const json& output : answer.value("outputs", json::array())) {
    if (output.value("name", "") == name && output.contains("data") && !output["data"].empty()) return output["data"][0];
  }
  return nullptr;
}

}  // namespace

Result<EdgeClient> EdgeClient::Make(const std::string& url, size_t edge) {
  PERENNIAL_ASSIGN_OR_RETURN(auto client, http::Client::Make({url, "", std::chrono::seconds(15)}));
  return EdgeClient(std::move(client), edge);
}

bool EdgeClient::Ready() {
  const auto response = client_->Get("/v2/health/ready");
  return response.ok() && response->status == 200;
}

RequestRecord EdgeClient::Ask(const format::Sample& sample, const std::string& routing_key, SteadyTime began) {
  RequestRecord record;
  record.edge = edge_;
  const SteadyTime start = std::chrono::steady_clock::now();
  record.time_s = Seconds(start - began).count();
  const Result<http::ClientResponse> response = client_->Post("/v2/models/default/infer", InferBody(sample),
                                                              "application/json", {{"Perennial-Routing-Key", routing_key}});
  record.latency_ms = Seconds(std::chrono::steady_clock::now() - start).count() * 1e3;
  if (!response.ok()) {
    record.error = response.status().ToString();
    return record;
  }
  const json answer = json::parse(response->body, nullptr, false);
  if (response->status != 200 || !answer.is_object()) {
    record.error = "HTTP " + std::to_string(response->status) + ": " + response->body.substr(0, 200);
    return record;
  }
  record.id = answer.value("id", "");
  record.version = ToNumber(answer.value("model_version", ""));
  record.header_version = ToNumber(response->Header("perennial-version"));
  const json label = FirstOutput(answer, "label");
  const json confidence = FirstOutput(answer, "confidence");
  if (label.is_string()) record.predicted = label.get<std::string>();
  if (confidence.is_number()) record.confidence = confidence.get<double>();
  record.ok = label.is_string() && record.version > 0;
  if (!record.ok) record.error = "unexpected answer: " + response->body.substr(0, 200);
  return record;
}

Status EdgeClient::SendFeedback(http::Client& client, const std::string& path, const std::string& request_id,
                                const std::string& label) {
  PERENNIAL_ASSIGN_OR_RETURN(
      const http::ClientResponse response,
      client.Post(path, json{{"request_id", request_id}, {"label", label}}.dump(), "application/json"));
  return ExpectSuccess(response, "feedback");
}

Status Traffic::Run(const std::atomic<bool>& stop) {
  PERENNIAL_ASSIGN_OR_RETURN(EdgeClient client, EdgeClient::Make(edge_url_, edge_));
  PERENNIAL_ASSIGN_OR_RETURN(const auto hub, http::Client::Make({hub_url_, "", std::chrono::seconds(15)}));
  while (!stop && (progress_.slices_started == 0 || !client.Ready())) Pause(std::chrono::milliseconds(50));
  const auto gap = std::chrono::duration_cast<Duration>(Seconds(1.0 / profile_.requests_per_s));
  SteadyTime next = std::chrono::steady_clock::now();
  while (!stop) {
    PERENNIAL_RETURN_IF_ERROR(One(client, *hub));
    next += gap;
    const SteadyTime now = std::chrono::steady_clock::now();
    if (next > now) Pause(next - now);
    else next = now;  // the machine was busy: no burst to catch up
  }
  return Status::Ok();
}

Status Traffic::One(EdgeClient& client, http::Client& hub) {
  const size_t slice = rng_.Below(progress_.slices_started.load());
  const auto& test = dataset_.slices[slice].test;
  const size_t sample = rng_.Below(test.size());
  RequestRecord record = client.Ask(test[sample], "client-" + std::to_string(rng_.Below(100'000)), began_);
  record.slice = slice;
  record.sample = sample;
  ++requests;
  if (!record.ok) ++failed;
  if (record.ok && rng_.Chance(profile_.feedback_share)) {
    // Feedback is best effort by nature: an answer may be forgotten by the time its label is known.
    const bool by_hub = rng_.Chance(0.5);
    (void)EdgeClient::SendFeedback(by_hub ? hub : client.http(), by_hub ? "/api/v1/feedback" : "/v2/feedback", record.id,
                                   *test[sample].label);
  }
  records_.push_back(std::move(record));
  return Status::Ok();
}

}  // namespace perennial::quickstart
