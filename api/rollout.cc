#include <functional>
#include <nlohmann/json.hpp>

#include "api/json_body.h"
#include "api/services.h"

namespace perennial::api {
namespace {

// A verb reads its body and acts; the answer is the state after it.
using Verb = std::function<Status(updater::RolloutController&, JsonBody&)>;

Status Run(const Services& services, const Verb& verb, const http::Request& request, http::Response& response) {
  PERENNIAL_ASSIGN_OR_RETURN(JsonBody body, JsonBody::Parse(request));
  PERENNIAL_RETURN_IF_ERROR(verb(services.rollout, body));
  response.body = RolloutJson(services.rollout.State());
  return Status::Ok();
}

Status Promote(updater::RolloutController& rollout, JsonBody& body) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::string why, body.String("why"));
  PERENNIAL_RETURN_IF_ERROR(body.RejectUnknown());
  return rollout.Promote(why);
}

Status Abort(updater::RolloutController& rollout, JsonBody& body) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::string why, body.String("why"));
  PERENNIAL_RETURN_IF_ERROR(body.RejectUnknown());
  return rollout.Abort(why);
}

Status Pause(updater::RolloutController& rollout, JsonBody& body) {
  PERENNIAL_ASSIGN_OR_RETURN(const bool paused, body.Bool("paused"));
  PERENNIAL_RETURN_IF_ERROR(body.RejectUnknown());
  return rollout.Pause(paused);
}

Status SetWeight(updater::RolloutController& rollout, JsonBody& body) {
  PERENNIAL_ASSIGN_OR_RETURN(const uint64_t permille, body.Unsigned("permille"));
  PERENNIAL_RETURN_IF_ERROR(body.RejectUnknown());
  if (permille > 1000) return InvalidArgument("permille: must be at most 1000", "50 is 5 % of the requests");
  return rollout.SetWeight(static_cast<uint32_t>(permille));
}

}  // namespace

std::string RolloutJson(const updater::RolloutState& state) {
  const nlohmann::ordered_json json = {{"epoch", state.epoch},
                                       {"revision", state.revision},
                                       {"stable", state.stable.value},
                                       {"candidate", state.candidate.value},
                                       {"weight_permille", state.weight_permille},
                                       {"paused", state.paused}};
  return json.dump();
}

void AddRolloutRoutes(RouteTable& table, const Services& services) {
  const auto add = [&](const char* pattern, Verb verb) {
    table.Add("POST", pattern,
              [&services, verb = std::move(verb)](const http::Request& request, http::Response& response) {
                if (const Status done = Run(services, verb, request, response); !done.ok()) FailToStore(response, done);
              });
  };
  add("/api/v1/rollout/promote", Promote);
  add("/api/v1/rollout/abort", Abort);
  add("/api/v1/rollout/pause", Pause);
  add("/api/v1/rollout/weight", SetWeight);
}

}  // namespace perennial::api
