#include "serving/infer_response.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace perennial::serving {
namespace {

using Json = nlohmann::ordered_json;

// Labels come from clients' data; a broken byte must not break the answer.
std::string Dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json Output(const std::string& name, const std::vector<InferAnswer>& answers) {
  Json data = Json::array();
  Json shape = Json::array({answers.size()});
  const size_t top = answers.front().top_labels.size();
  for (const InferAnswer& answer : answers) {
    if (name == "label") data.push_back(answer.label);
    if (name == "confidence") data.push_back(answer.confidence);
    for (size_t i = 0; i < top; ++i) {
      if (name == "top_labels") data.push_back(answer.top_labels[i]);
      if (name == "top_scores") data.push_back(answer.top_scores[i]);
    }
  }
  if (name.starts_with("top_")) shape.push_back(top);
  const bool text = name == "label" || name == "top_labels";
  return {{"name", name}, {"datatype", text ? "BYTES" : "FP32"}, {"shape", shape}, {"data", data}};
}

}  // namespace

std::string FormatInferResponse(const std::string& model, const WireRequest& request,
                                const std::vector<InferAnswer>& answers) {
  const InferAnswer& first = answers.front();
  Json body = {{"model_name", model}, {"model_version", first.version.ToString()}};
  body["id"] = request.has_id ? request.id : first.request_id;
  Json ids = Json::array();
  for (const InferAnswer& answer : answers) ids.push_back(answer.request_id);
  body["parameters"] = {{"trial", first.trial}, {"request_id", first.request_id}};
  if (answers.size() > 1) body["parameters"]["request_ids"] = ids;
  Json outputs = Json::array();
  for (const std::string& name : OutputNames()) {
    const auto& wanted = request.wanted_outputs;
    if (wanted.empty() || std::find(wanted.begin(), wanted.end(), name) != wanted.end())
      outputs.push_back(Output(name, answers));
  }
  body["outputs"] = std::move(outputs);
  return Dump(body);
}

std::string FormatShortAnswer(const std::string& model, const InferAnswer& answer) {
  Json top = Json::array();
  for (size_t i = 0; i < answer.top_labels.size(); ++i) {
    top.push_back({{"label", answer.top_labels[i]}, {"score", answer.top_scores[i]}});
  }
  return Dump({{"id", answer.request_id},
               {"model_name", model},
               {"model_version", answer.version.ToString()},
               {"label", answer.label},
               {"confidence", answer.confidence},
               {"top", top},
               {"trial", answer.trial}});
}

std::string FormatError(const Status& status) {
  std::string text = status.message();
  if (!status.hint().empty()) text += " (" + status.hint() + ")";
  return Dump({{"error", text}});
}

}  // namespace perennial::serving
