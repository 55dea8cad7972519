#include <nlohmann/json.hpp>

#include "api/json_body.h"
#include "api/services.h"

namespace perennial::api {
namespace {

constexpr uint64_t kDefaultLimit = 100;
constexpr uint64_t kMaxLimit = 1000;

nlohmann::ordered_json EntryJson(const samples::QuarantineEntry& entry) {
  const format::Sample& sample = entry.sample;
  nlohmann::ordered_json shown = {{"source", sample.source},
                                  {"id", sample.id},
                                  {"group", sample.group},
                                  {"slice", sample.slice},
                                  {"text", sample.text},
                                  {"label", nullptr},
                                  {"image_bytes", sample.image.size()},
                                  {"meta", sample.meta}};
  if (sample.label) shown["label"] = *sample.label;
  return {{"id", entry.id},
          {"time_us", entry.time_us},
          {"code", CodeName(entry.error.code())},
          {"message", entry.error.message()},
          {"hint", entry.error.hint()},
          {"pointer", entry.pointer},
          {"sample", std::move(shown)}};
}

Status List(const Services& services, const http::Request& request, http::Response& response) {
  PERENNIAL_RETURN_IF_ERROR(RejectUnknownQuery(request, {"after", "limit"}));
  PERENNIAL_ASSIGN_OR_RETURN(const uint64_t after, QueryUnsigned(request, "after", 0, UINT64_MAX, 0));
  PERENNIAL_ASSIGN_OR_RETURN(const uint64_t limit, QueryUnsigned(request, "limit", 1, kMaxLimit, kDefaultLimit));
  // One more than asked for tells whether there is a next page.
  PERENNIAL_ASSIGN_OR_RETURN(auto entries, services.log.ListQuarantine(after, limit + 1));
  nlohmann::ordered_json answer = {{"entries", nlohmann::ordered_json::array()}, {"next_after", nullptr}};
  if (entries.size() > limit) {
    entries.resize(limit);
    answer["next_after"] = entries.back().id;
  }
  for (const auto& entry : entries) answer["entries"].push_back(EntryJson(entry));
  // What was quarantined may be there because it was no UTF-8.
  response.body = answer.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return Status::Ok();
}

Status Drop(const Services& services, const http::Request& request, http::Response& response) {
  PERENNIAL_ASSIGN_OR_RETURN(const uint64_t id, PathUnsigned(request, "id"));
  PERENNIAL_RETURN_IF_ERROR(services.log.DropQuarantine(id));
  response.status = 204;
  return Status::Ok();
}

}  // namespace

void AddQuarantineRoutes(RouteTable& table, const Services& services) {
  table.Add("GET", "/api/v1/quarantine", [&services](const http::Request& request, http::Response& response) {
    if (const Status done = List(services, request, response); !done.ok()) Fail(response, done);
  });
  table.Add("DELETE", "/api/v1/quarantine/{id}", [&services](const http::Request& request, http::Response& response) {
    if (const Status done = Drop(services, request, response); !done.ok()) FailToStore(response, done);
  });
}

}  // namespace perennial::api
