#include "api/quickstart/watcher.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "api/quickstart/hub_api.h"

namespace perennial::quickstart {
namespace {

using nlohmann::json;
constexpr Duration kLookEvery = std::chrono::milliseconds(100);
constexpr Duration kShowEvery = std::chrono::seconds(2);

Result<json> Get(http::Client& client, const std::string& path) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::string body, GetBody(client, path));
  json value = json::parse(body, nullptr, false);
  if (!value.is_object()) return Internal(path + " answered " + body.substr(0, 200));
  return value;
}

}  // namespace

Status Watcher::Run(const FeedProgress& progress, const std::vector<Traffic*>& traffic, const std::atomic<bool>& stop) {
  PERENNIAL_ASSIGN_OR_RETURN(const auto client, http::Client::Make({hub_url_, "", std::chrono::seconds(15)}));
  SteadyTime next_show = std::chrono::steady_clock::now();
  while (!stop) {
    PERENNIAL_RETURN_IF_ERROR(Look(*client).WithContext("watch the hub"));
    if (std::chrono::steady_clock::now() >= next_show) {
      Show(progress, traffic, false);
      next_show += kShowEvery;
    }
    Pause(kLookEvery);
  }
  PERENNIAL_RETURN_IF_ERROR(Look(*client));
  Show(progress, traffic, true);
  return Status::Ok();
}

Status Watcher::Look(http::Client& client) {
  PERENNIAL_ASSIGN_OR_RETURN(const json status, Get(client, "/api/v1/status"));
  PERENNIAL_ASSIGN_OR_RETURN(const json nodes, Get(client, "/api/v1/nodes"));
  const json rollout = status.value("rollout", json::object());
  hub_stable_ = rollout.value("stable", uint64_t{0});
  trial_ = rollout.value("candidate", uint64_t{0}) != 0;
  samples_per_s_ = status.value("trainer", json::object()).value("samples_per_s", 0.0);
  uint64_t swaps = 0;
  uint64_t everywhere = UINT64_MAX;
  for (const json& node : nodes.value("nodes", json::array())) {
    swaps += node.value("swaps", uint64_t{0});
    everywhere = std::min(everywhere, node.value("stable", uint64_t{0}));
  }
  swaps_ = std::max(swaps_.load(), swaps);
  if (everywhere == UINT64_MAX || everywhere == 0 || everywhere == stable_) return Status::Ok();
  stable_ = everywhere;
  PERENNIAL_ASSIGN_OR_RETURN(const json version, Get(client, "/api/v1/versions/" + std::to_string(everywhere)));
  live_.push_back({everywhere, version.value("trained_until", uint64_t{0}), std::chrono::steady_clock::now()});
  if (version.contains("report") && version["report"].is_object()) {
    accuracy_ = version["report"].value("average_accuracy", 0.0);
  }
  return Status::Ok();
}

Status Watcher::WaitSettled(Duration quiet, SteadyTime deadline, const std::function<Status()>& check) {
  SteadyTime since = std::chrono::steady_clock::now();
  uint64_t seen = hub_stable_;
  while (std::chrono::steady_clock::now() < deadline) {
    PERENNIAL_RETURN_IF_ERROR(check());
    const bool settled = !trial_ && stable_ == hub_stable_ && hub_stable_ != 0;
    if (!settled || seen != hub_stable_) since = std::chrono::steady_clock::now();
    seen = hub_stable_;
    if (std::chrono::steady_clock::now() - since > quiet) return Status::Ok();
    Pause(kLookEvery);
  }
  return DeadlineExceeded("the last version was not decided in time");
}

Status Watcher::WaitEvaluated(uint64_t offset, SteadyTime deadline, const std::function<Status()>& check) {
  PERENNIAL_ASSIGN_OR_RETURN(const auto client, http::Client::Make({hub_url_, "", std::chrono::seconds(15)}));
  while (std::chrono::steady_clock::now() < deadline) {
    PERENNIAL_RETURN_IF_ERROR(check());
    PERENNIAL_ASSIGN_OR_RETURN(const json answer, Get(*client, "/api/v1/evaluations?limit=1"));
    bool all = answer.contains("trainers") && !answer["trainers"].empty();
    if (all) {
      for (const json& records : answer["trainers"]) {
        all = all && !records.empty() && records.back().value("trained_until", uint64_t{0}) >= offset;
      }
    }
    if (all) return Status::Ok();
    Pause(kLookEvery);
  }
  return DeadlineExceeded("the end of the stream was not evaluated in time");
}

void Watcher::Show(const FeedProgress& progress, const std::vector<Traffic*>& traffic, bool final) {
  if (!show_) return;
  uint64_t requests = 0;
  uint64_t failed = 0;
  for (const Traffic* one : traffic) requests += one->requests, failed += one->failed;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  const bool terminal = ::isatty(STDERR_FILENO) != 0;
  std::fprintf(stderr, "%s%6.0f s  slice %zu  fed %llu (%.0f/s)  live v%llu%s  accuracy %.3f  requests %llu (%llu failed)  swaps %llu%s",
               terminal ? "\r\033[K" : "", seconds, progress.slices_started.load(),
               static_cast<unsigned long long>(progress.samples.load()), samples_per_s_.load(),
               static_cast<unsigned long long>(stable_.load()), trial_ ? " + canary" : "", accuracy_.load(),
               static_cast<unsigned long long>(requests), static_cast<unsigned long long>(failed),
               static_cast<unsigned long long>(swaps_.load()), terminal && !final ? "" : "\n");
}

}  // namespace perennial::quickstart
