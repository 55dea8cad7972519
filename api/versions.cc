#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "api/evaluation_journal.h"
#include "api/json_body.h"
#include "api/services.h"

namespace perennial::api {
namespace {

constexpr uint64_t kDefaultLimit = 100;
constexpr uint64_t kMaxLimit = 1000;

// Reasons may quote what a node said, which need not be UTF-8.
std::string Text(const nlohmann::ordered_json& answer) {
  return answer.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

nlohmann::ordered_json ObjectJson(const format::ObjectRef& object) {
  return {{"kind", object.kind == format::ObjectKind::kSnapshot ? "snapshot" : "delta"},
          {"base", object.base.value},
          {"codec", object.codec},
          {"bytes", object.bytes},
          {"decoded_bytes", object.decoded_bytes},
          {"chunks", object.chunks.size()}};
}

using Records = std::vector<versions::VersionRecord>;

// The version that nodes held when `record` was published: the last one before it that became stable. A trial ends
// before the next version is published, so its fate tells. The end when there was none.
Records::const_iterator HeldBefore(const Records& records, Records::const_iterator record) {
  while (record != records.begin()) {
    const versions::VersionFate fate = (--record)->fate;
    if (fate == versions::VersionFate::kStable || fate == versions::VersionFate::kRetired) return record;
  }
  return records.end();
}

nlohmann::ordered_json VersionJson(const Records& records, Records::const_iterator at) {
  const versions::VersionRecord& record = *at;
  const format::Manifest& manifest = record.manifest;
  const auto held = HeldBefore(records, at);
  nlohmann::ordered_json objects = nlohmann::ordered_json::array();
  uint64_t snapshot_bytes = 0, delta_bytes = 0;
  for (const format::ObjectRef& object : manifest.objects) {
    objects.push_back(ObjectJson(object));
    if (object.kind == format::ObjectKind::kSnapshot) {
      snapshot_bytes = object.bytes;
    } else if (held != records.end() && object.base_root == held->manifest.target_root) {
      // As a node does: it looks for a delta from the content that it holds, whatever its number.
      delta_bytes = object.bytes;
    }
  }
  return {{"version", manifest.version.value},
          {"parent", manifest.parent.value},
          {"held_before", held == records.end() ? 0 : held->manifest.version.value},
          {"model_id", manifest.model_id},
          {"fate", versions::FateName(record.fate)},
          {"reason", record.reason},
          {"created_us", manifest.created_us},
          {"trained_until", manifest.trained_until},
          {"scale_set", manifest.scale_set},
          {"architecture", manifest.architecture.Hex()},
          {"root", manifest.target_root.Hex()},
          {"manifest_hash", record.signed_manifest.Hash().Hex()},
          {"snapshot_bytes", snapshot_bytes},
          {"delta_bytes", delta_bytes},
          {"fp32_bytes", manifest.fp32_bytes},
          {"content_available", record.content_available},
          {"objects", std::move(objects)}};
}

// The newest page by default, ascending; `before` asks for the one in front of it.
Status List(const Services& services, const http::Request& request, http::Response& response) {
  PERENNIAL_RETURN_IF_ERROR(RejectUnknownQuery(request, {"before", "limit"}));
  PERENNIAL_ASSIGN_OR_RETURN(const uint64_t before, QueryUnsigned(request, "before", 1, UINT64_MAX, UINT64_MAX));
  PERENNIAL_ASSIGN_OR_RETURN(const uint64_t limit, QueryUnsigned(request, "limit", 1, kMaxLimit, kDefaultLimit));
  const auto records = services.versions.List();
  const auto end = std::partition_point(records.begin(), records.end(),
                                        [&](const auto& record) { return record.manifest.version.value < before; });
  const auto count = std::min<std::ptrdiff_t>(end - records.begin(), static_cast<std::ptrdiff_t>(limit));
  const auto begin = end - count;
  nlohmann::ordered_json answer = {{"versions", nlohmann::ordered_json::array()}, {"next_before", nullptr}};
  for (auto record = begin; record != end; ++record) answer["versions"].push_back(VersionJson(records, record));
  if (begin != records.begin()) answer["next_before"] = begin->manifest.version.value;
  response.body = Text(answer);
  return Status::Ok();
}

Status Show(const Services& services, const http::Request& request, http::Response& response) {
  PERENNIAL_ASSIGN_OR_RETURN(const uint64_t id, PathUnsigned(request, "id"));
  const Records records = services.versions.List();
  const auto at =
      std::find_if(records.begin(), records.end(), [id](const auto& r) { return r.manifest.version.value == id; });
  if (at == records.end()) return services.versions.Get(VersionId{id}).status();
  nlohmann::ordered_json answer = VersionJson(records, at);
  // The report is ours, but a store may hold one of a newer build: null then.
  auto report = nlohmann::ordered_json::parse(at->report_json, nullptr, false);
  if (report.is_discarded()) report = nullptr;
  answer["report"] = std::move(report);
  response.body = Text(answer);
  return Status::Ok();
}

Status ShowFlips(const Services& services, const http::Request& request, http::Response& response) {
  PERENNIAL_RETURN_IF_ERROR(RejectUnknownQuery(request, {}));
  PERENNIAL_ASSIGN_OR_RETURN(const uint64_t id, PathUnsigned(request, "id"));
  PERENNIAL_RETURN_IF_ERROR(services.versions.Get(VersionId{id}).status());
  PERENNIAL_ASSIGN_OR_RETURN(const auto flips, services.evaluations.Flips(VersionId{id}));
  if (!flips) {
    return NotFound(
        "no flips are kept of version " + std::to_string(id),
        "they are kept of the newest versions that were learned, not of a rollback: that is content from before");
  }
  nlohmann::ordered_json answer = {{"version", id}};
  answer.update(nlohmann::ordered_json::parse(FlipsJson(*flips)));
  response.body = Text(answer);
  return Status::Ok();
}

Status RollBack(const Services& services, const http::Request& request, http::Response& response) {
  PERENNIAL_ASSIGN_OR_RETURN(JsonBody body, JsonBody::Parse(request));
  PERENNIAL_ASSIGN_OR_RETURN(const uint64_t to, body.Unsigned("to"));
  PERENNIAL_ASSIGN_OR_RETURN(const std::string why, body.String("why"));
  PERENNIAL_RETURN_IF_ERROR(body.RejectUnknown());
  PERENNIAL_ASSIGN_OR_RETURN(const VersionId version, services.releaser.RollBack(VersionId{to}, why));
  nlohmann::ordered_json answer = {{"version", version.value}, {"content_of", to}};
  answer["rollout"] = nlohmann::ordered_json::parse(RolloutJson(services.rollout.State()));
  response.body = Text(answer);
  return Status::Ok();
}

}  // namespace

void AddVersionRoutes(RouteTable& table, const Services& services) {
  table.Add("GET", "/api/v1/versions", [&services](const http::Request& request, http::Response& response) {
    if (const Status done = List(services, request, response); !done.ok()) Fail(response, done);
  });
  table.Add("GET", "/api/v1/versions/{id}", [&services](const http::Request& request, http::Response& response) {
    if (const Status done = Show(services, request, response); !done.ok()) Fail(response, done);
  });
  table.Add("GET", "/api/v1/versions/{id}/flips", [&services](const http::Request& request, http::Response& response) {
    if (const Status done = ShowFlips(services, request, response); !done.ok()) Fail(response, done);
  });
  table.Add("POST", "/api/v1/rollback", [&services](const http::Request& request, http::Response& response) {
    if (const Status done = RollBack(services, request, response); !done.ok()) FailToStore(response, done);
  });
}

}  // namespace perennial::api
