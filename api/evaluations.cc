#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/comparison.h"
#include "api/evaluation_journal.h"
#include "api/json_body.h"
#include "api/services.h"

namespace perennial::api {
namespace {

constexpr uint64_t kDefaultLimit = 1000;
constexpr uint64_t kMaxLimit = 10'000;

Status List(const Services& services, const http::Request& request, http::Response& response) {
  PERENNIAL_RETURN_IF_ERROR(RejectUnknownQuery(request, {"limit"}));
  PERENNIAL_ASSIGN_OR_RETURN(const uint64_t limit, QueryUnsigned(request, "limit", 1, kMaxLimit, kDefaultLimit));
  nlohmann::ordered_json trainers = nlohmann::ordered_json::object();
  for (const auto& [name, records] : services.evaluations.Records()) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    const size_t count = std::min<size_t>(records.size(), limit);
    for (size_t i = records.size() - count; i < records.size(); ++i)
      list.push_back(nlohmann::ordered_json::parse(EvaluationJson(records[i])));
    trainers[name] = std::move(list);
  }
  const nlohmann::ordered_json answer = {{"trainers", std::move(trainers)}};
  response.body = answer.dump();
  return Status::Ok();
}

nlohmann::ordered_json FiguresJson(double average, double forgetting, double worst) {
  return {{"average_accuracy", average}, {"forgetting", forgetting}, {"worst_slice_accuracy", worst}};
}

Status CompareAll(const Services& services, const http::Request& request, http::Response& response) {
  PERENNIAL_RETURN_IF_ERROR(RejectUnknownQuery(request, {}));
  const TrainerView main = services.trainer.Main();
  const std::map<std::string, TrainerView> shadows = services.trainer.Shadows();
  std::vector<std::string> names;
  for (const auto& [name, view] : shadows) names.push_back(name);
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Comparison& one : Compare(services.evaluations.Records(), names)) {
    const TrainerView& view = shadows.at(one.shadow);
    nlohmann::ordered_json json = {{"shadow", one.shadow}, {"compute_s", view.compute_s}, {"backlog", view.backlog}};
    if (one.known) {
      json["trained_until"] = one.trained_until;
      json["shadow_figures"] = FiguresJson(one.average_accuracy, one.forgetting, one.worst_slice_accuracy);
      json["main_version"] = one.main_version.value;
      json["main_trained_until"] = one.main_trained_until;
      json["main_figures"] = FiguresJson(one.main_average_accuracy, one.main_forgetting, one.main_worst_slice_accuracy);
      json["gain"] = one.gain;
    }
    list.push_back(std::move(json));
  }
  const nlohmann::ordered_json answer = {{"main", {{"compute_s", main.compute_s}, {"backlog", main.backlog}}},
                                         {"shadows", std::move(list)}};
  response.body = answer.dump();
  return Status::Ok();
}

}  // namespace

void AddEvaluationRoutes(RouteTable& table, const Services& services) {
  table.Add("GET", "/api/v1/evaluations", [&services](const http::Request& request, http::Response& response) {
    if (const Status done = List(services, request, response); !done.ok()) Fail(response, done);
  });
  table.Add("GET", "/api/v1/comparison", [&services](const http::Request& request, http::Response& response) {
    if (const Status done = CompareAll(services, request, response); !done.ok()) Fail(response, done);
  });
}

}  // namespace perennial::api
