#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/services.h"

namespace perennial::api {
namespace {

nlohmann::ordered_json LogJson(const samples::SampleLogStats& stats) {
  return {{"end", stats.end},
          {"accepted", stats.accepted},
          {"duplicates", stats.duplicates},
          {"quarantined", stats.quarantined},
          {"waiting_for_label", stats.waiting_for_label},
          {"held_out", stats.held_out},
          {"trainable", stats.trainable},
          {"forgotten", stats.forgotten},
          {"image_blobs", stats.image_blobs},
          {"quarantine_entries", stats.quarantine_entries},
          {"quarantine_bytes", stats.quarantine_bytes}};
}

void GetStatus(const Services& services, SteadyTime started, http::Response& response) {
  using Json = nlohmann::ordered_json;
  Json shadows = Json::object();
  for (const auto& [name, view] : services.trainer.Shadows()) shadows[name] = Json::parse(TrainerJson(view));
  const auto nodes = services.updates.Nodes();
  const auto connected = std::count_if(nodes.begin(), nodes.end(), [](const auto& node) { return node.connected; });
  const Json answer = {
      {"software", "perennial " PERENNIAL_VERSION},
      {"uptime_s", std::chrono::duration<double>(services.clock.Now() - started).count()},
      {"log", LogJson(services.log.Stats())},
      {"trainer", Json::parse(TrainerJson(services.trainer.Main()))},
      {"shadow", std::move(shadows)},
      {"rollout", Json::parse(RolloutJson(services.rollout.State()))},
      {"nodes", connected},
      {"update", {{"announce", services.updates.announce_endpoint()}, {"bulk", services.updates.bulk_endpoint()}}}};
  response.body = answer.dump();
}

// The hub answers, and whether all of it works: a failed trainer does not stop ingest and updates.
void GetHealth(const Services& services, http::Response& response) {
  nlohmann::ordered_json answer = {{"status", "ok"}};
  if (const TrainerView main = services.trainer.Main(); main.state == "failed") {
    answer = {{"status", "degraded"}, {"reason", "the trainer failed: " + main.error}};
  }
  response.body = answer.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

void AddStatusRoutes(RouteTable& table, const Services& services) {
  const SteadyTime started = services.clock.Now();
  table.Add("GET", "/api/v1/status", [&services, started](const http::Request&, http::Response& response) {
    GetStatus(services, started, response);
  });
  table.Add("GET", "/healthz",
            [&services](const http::Request&, http::Response& response) { GetHealth(services, response); });
}

}  // namespace perennial::api
