#include <algorithm>
#include <nlohmann/json.hpp>

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

}  // namespace

void AddEvaluationRoutes(RouteTable& table, const Services& services) {
  table.Add("GET", "/api/v1/evaluations", [&services](const http::Request& request, http::Response& response) {
    if (const Status done = List(services, request, response); !done.ok()) Fail(response, done);
  });
}

}  // namespace perennial::api
