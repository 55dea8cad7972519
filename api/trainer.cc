#include <functional>
#include <nlohmann/json.hpp>

#include "api/json_body.h"
#include "api/services.h"

namespace perennial::api {

std::string TrainerJson(const TrainerView& view) {
  nlohmann::ordered_json json = {{"state", view.state}};
  if (!view.error.empty()) json["error"] = view.error;
  json["cursor"] = view.cursor;
  json["backlog"] = view.backlog;
  json["steps"] = view.steps;
  json["samples_trained"] = view.samples_trained;
  json["samples_per_s"] = view.samples_per_s;
  json["loss"] = view.loss;  // null when it is not finite
  json["labels"] = view.labels;
  json["replay_size"] = view.replay_size;
  json["replay_bytes"] = view.replay_bytes;
  json["compute_s"] = view.compute_s;
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void AddTrainerRoutes(RouteTable& table, const Services& services) {
  using Verb = Status (TrainerControl::*)();
  const auto add = [&](const char* pattern, Verb verb, int success) {
    table.Add("POST", pattern, [&services, verb, success](const http::Request& request, http::Response& response) {
      auto body = JsonBody::Parse(request);
      if (!body.ok()) return Fail(response, body.status());
      if (const Status known = body->RejectUnknown(); !known.ok()) return Fail(response, known);
      if (const Status done = (services.trainer.*verb)(); !done.ok()) return FailToStore(response, done);
      response.status = success;
      response.body = TrainerJson(services.trainer.Main());
    });
  };
  add("/api/v1/trainer/pause", &TrainerControl::Pause, 200);
  add("/api/v1/trainer/resume", &TrainerControl::Resume, 200);
  add("/api/v1/trainer/checkpoint", &TrainerControl::Checkpoint, 200);
  // The candidate is made after the answer; the event stream tells what became of it.
  add("/api/v1/trainer/publish", &TrainerControl::RequestPublish, 202);
}

}  // namespace perennial::api
