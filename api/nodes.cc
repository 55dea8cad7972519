#include <nlohmann/json.hpp>

#include "api/json_body.h"
#include "api/services.h"

namespace perennial::api {
namespace {

nlohmann::ordered_json ArmJson(const updater::ArmCounts& arm) {
  const auto mean = [](double sum, uint64_t count) { return count == 0 ? 0.0 : sum / static_cast<double>(count); };
  const uint64_t answered = arm.requests - std::min(arm.requests, arm.errors);
  return {{"version", arm.version.value},
          {"requests", arm.requests},
          {"errors", arm.errors},
          {"nan_outputs", arm.nan_outputs},
          {"feedback", arm.feedback},
          {"feedback_correct", arm.feedback_correct},
          {"mean_confidence", mean(arm.confidence_sum, answered)},
          {"mean_latency_ms", mean(arm.latency_ms_sum, arm.requests)}};
}

nlohmann::ordered_json NodeJson(const updater::NodeStatus& node) {
  nlohmann::ordered_json arms = nlohmann::ordered_json::array();
  for (const updater::ArmCounts& arm : node.arms) arms.push_back(ArmJson(arm));
  return {{"name", node.name},
          {"state", node.state},
          {"connected", node.connected},
          {"stable", node.stable.value},
          {"candidate", node.candidate.value},
          {"last_seen_us", node.last_seen_us},
          {"swaps", node.swaps},
          {"bytes_downloaded", node.bytes_downloaded},
          {"last_error", node.last_error},
          {"http_address", node.http_address},
          {"arms", std::move(arms)}};
}

}  // namespace

void AddNodeRoutes(RouteTable& table, const Services& services) {
  table.Add("GET", "/api/v1/nodes", [&services](const http::Request&, http::Response& response) {
    nlohmann::ordered_json answer = {{"nodes", nlohmann::ordered_json::array()}};
    for (const updater::NodeStatus& node : services.updates.Nodes()) answer["nodes"].push_back(NodeJson(node));
    // Node names and errors come from peers.
    response.body = answer.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  });
}

}  // namespace perennial::api
