#include <nlohmann/json.hpp>

#include "api/json_body.h"
#include "api/services.h"
#include "api/source_report.h"
#include "storage/base/log.h"

namespace perennial::api {
namespace {

constexpr uint64_t kDefaultLimit = 100;
constexpr uint64_t kMaxLimit = 1000;

Result<std::string> SourceOf(const http::Request& request) {
  const auto found = request.params.find("source");
  if (found == request.params.end()) return Internal("route without {source}");
  return found->second;
}

Status List(const Services& services, const http::Request& request, http::Response& response) {
  PERENNIAL_RETURN_IF_ERROR(RejectUnknownQuery(request, {"after", "limit"}));
  PERENNIAL_ASSIGN_OR_RETURN(const uint64_t limit, QueryUnsigned(request, "limit", 1, kMaxLimit, kDefaultLimit));
  const auto after = request.query.find("after");
  // One more than asked for tells whether there is a next page.
  PERENNIAL_ASSIGN_OR_RETURN(
      auto sources, services.log.Sources(after == request.query.end() ? std::string() : after->second, limit + 1));
  nlohmann::ordered_json answer = {{"sources", nlohmann::ordered_json::array()}, {"next_after", nullptr}};
  if (sources.size() > limit) {
    sources.resize(limit);
    answer["next_after"] = sources.back().source;
  }
  for (const auto& source : sources) answer["sources"].push_back(nlohmann::ordered_json::parse(SourceJson(source)));
  response.body = answer.dump();
  return Status::Ok();
}

Status WriteReport(const Services& services, const std::string& source, http::Response& response) {
  PERENNIAL_ASSIGN_OR_RETURN(const samples::SourceInfo info, services.log.FindSource(source));
  if (!info.forgotten_at) {
    return NotFound("source '" + source + "' was not forgotten", "POST /api/v1/sources/{source}/forget does that");
  }
  PERENNIAL_ASSIGN_OR_RETURN(
      const auto offsets, services.log.OffsetsOf(source, samples::SourceUse::kTrainable, Offset{}, *info.forgotten_at));
  PERENNIAL_ASSIGN_OR_RETURN(const auto readers, services.log.Readers());
  response.body = ForgottenJson(info, readers,
                                VersionsThatLearned(offsets, *info.forgotten_at, services.versions.List(),
                                                    services.rollout.State(), services.updates.Nodes()));
  return Status::Ok();
}

Status Show(const Services& services, const http::Request& request, http::Response& response) {
  PERENNIAL_RETURN_IF_ERROR(RejectUnknownQuery(request, {}));
  PERENNIAL_ASSIGN_OR_RETURN(const std::string source, SourceOf(request));
  return WriteReport(services, source, response);
}

Status ForgetFlips(const Services& services, const std::string& source, Offset until) {
  PERENNIAL_ASSIGN_OR_RETURN(const auto held_out,
                             services.log.OffsetsOf(source, samples::SourceUse::kHeldOut, Offset{}, until));
  return services.evaluations.ForgetFlips(held_out);
}

Status Forget(const Services& services, const http::Request& request, http::Response& response) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::string source, SourceOf(request));
  PERENNIAL_ASSIGN_OR_RETURN(JsonBody body, JsonBody::Parse(request));
  PERENNIAL_ASSIGN_OR_RETURN(const bool block, body.OptionalBool("block", false));
  PERENNIAL_RETURN_IF_ERROR(body.RejectUnknown());
  // A source that is not known may have something in quarantine: the log tells.
  const auto known = services.log.FindSource(source);
  if (!known.ok() && known.status().code() != Code::kNotFound) return known.status();
  const bool has_samples = known.ok() && known->waiting_for_label + known->held_out + known->trainable > 0;
  if (has_samples) PERENNIAL_RETURN_IF_ERROR(services.trainer.DropIdleTrainers());
  // What is listed of its held-out samples has their labels. Before the entry, so that a kill leaves none; after it,
  // for those that came meanwhile.
  PERENNIAL_RETURN_IF_ERROR(ForgetFlips(services, source, services.log.End()));
  PERENNIAL_ASSIGN_OR_RETURN(const Offset at, services.log.Forget(source, block));
  PERENNIAL_RETURN_IF_ERROR(ForgetFlips(services, source, at));
  log::Info("source_forget_asked", {{"source", source}, {"entry", at.value}, {"block", block ? "yes" : "no"}});
  services.events.Publish("source_forgotten", {{"source", source}, {"offset", at.value}, {"block", block}});
  return WriteReport(services, source, response);
}

Status Unblock(const Services& services, const http::Request& request, http::Response& response) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::string source, SourceOf(request));
  PERENNIAL_ASSIGN_OR_RETURN(JsonBody body, JsonBody::Parse(request));
  PERENNIAL_RETURN_IF_ERROR(body.RejectUnknown());
  PERENNIAL_RETURN_IF_ERROR(services.log.Unblock(source));
  PERENNIAL_ASSIGN_OR_RETURN(const samples::SourceInfo info, services.log.FindSource(source));
  log::Info("source_unblocked", {{"source", source}});
  services.events.Publish("source_unblocked", {{"source", source}});
  response.body = SourceJson(info);
  return Status::Ok();
}

}  // namespace

void AddSourceRoutes(RouteTable& table, const Services& services, IdempotencyMemory& memory) {
  table.Add("GET", "/api/v1/sources", [&services](const http::Request& request, http::Response& response) {
    if (const Status done = List(services, request, response); !done.ok()) Fail(response, done);
  });
  table.Add("GET", "/api/v1/sources/{source}/forgotten",
            [&services](const http::Request& request, http::Response& response) {
              if (const Status done = Show(services, request, response); !done.ok()) Fail(response, done);
            });
  table.Add("POST", "/api/v1/sources/{source}/forget",
            [&services, &memory](const http::Request& request, http::Response& response) {
              memory.Handle(request, response, [&](const http::Request& first, http::Response& answer) {
                if (const Status done = Forget(services, first, answer); !done.ok()) FailToStore(answer, done);
              });
            });
  table.Add("POST", "/api/v1/sources/{source}/unblock",
            [&services](const http::Request& request, http::Response& response) {
              if (const Status done = Unblock(services, request, response); !done.ok()) FailToStore(response, done);
            });
}

}  // namespace perennial::api
