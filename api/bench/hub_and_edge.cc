#include "api/bench/hub_and_edge.h"

#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "api/process/ready_line.h"
#include "storage/base/bytes.h"
#include "storage/sources/source.h"
#include "updater/trust/keyring.h"

namespace perennial::bench {
namespace {

using nlohmann::json;
constexpr Duration kRequest = std::chrono::seconds(30);

}  // namespace

Result<std::unique_ptr<HubAndEdge>> HubAndEdge::Start(std::vector<std::string> arguments, const std::string& logs) {
  PERENNIAL_ASSIGN_OR_RETURN(TemporaryFolder folder, TemporaryFolder::Make("perennial-bench-hub"));
  std::unique_ptr<HubAndEdge> world(new HubAndEdge(std::move(folder)));
  const std::string keys = world->folder_.path() + "/keys";
  PERENNIAL_RETURN_IF_ERROR(trust::HubKeyring::Init(keys));
  PERENNIAL_RETURN_IF_ERROR(trust::HubKeyring::AddNode(keys, "edge", world->folder_.path() + "/edge-keys"));
  if (!logs.empty()) PERENNIAL_RETURN_IF_ERROR(Env::Posix().CreateDirectories(logs));
  const std::string log_folder = logs.empty() ? world->folder_.path() : logs;
  PERENNIAL_ASSIGN_OR_RETURN(const std::string programs, process::ProgramFolder());
  PERENNIAL_RETURN_IF_ERROR(world->StartHub(programs, std::move(arguments), log_folder).WithContext("start the hub"));
  PERENNIAL_RETURN_IF_ERROR(world->StartEdge(programs, log_folder).WithContext("start the edge"));
  return world;
}

Status HubAndEdge::StartHub(const std::string& programs, std::vector<std::string> arguments, const std::string& logs) {
  process::ChildOptions start;
  start.program = programs + "/perennial-hub";
  start.log_path = logs + "/hub.log";
  start.arguments = {"--data", folder_.path() + "/hub", "--keys",         folder_.path() + "/keys",
                     "--http", "127.0.0.1:0",           "--announce",     "tcp://127.0.0.1:*",
                     "--bulk", "tcp://127.0.0.1:*",     "--open-loopback"};
  start.arguments.insert(start.arguments.end(), arguments.begin(), arguments.end());
  PERENNIAL_ASSIGN_OR_RETURN(hub_, process::ChildProcess::Start(start));
  PERENNIAL_ASSIGN_OR_RETURN(const process::ReadyLine ready, process::ReadReadyLine(*hub_));
  announce_ = ready.announce;
  bulk_ = ready.bulk;
  PERENNIAL_ASSIGN_OR_RETURN(hub_client_, http::Client::Make({ready.url, "", kRequest}));
  return Status::Ok();
}

Status HubAndEdge::StartEdge(const std::string& programs, const std::string& logs) {
  process::ChildOptions start;
  start.program = programs + "/perennial-edge";
  start.log_path = logs + "/edge.log";
  start.arguments = {"--bundle", folder_.path() + "/edge-keys", "--announce", announce_,    "--bulk", bulk_,
                     "--data",   folder_.path() + "/edge",      "--http",     "127.0.0.1:0"};
  PERENNIAL_ASSIGN_OR_RETURN(edge_, process::ChildProcess::Start(start));
  PERENNIAL_ASSIGN_OR_RETURN(const process::ReadyLine ready, process::ReadReadyLine(*edge_));
  PERENNIAL_ASSIGN_OR_RETURN(edge_client_, http::Client::Make({ready.url, "", kRequest}));
  return Status::Ok();
}

Status HubAndEdge::Feed(const std::vector<format::Sample>& samples) {
  std::string body;
  for (const format::Sample& sample : samples) body += sources::SampleToJson(sample) + "\n";
  PERENNIAL_ASSIGN_OR_RETURN(const auto answer,
                             hub_client_->Post("/api/v1/samples/bulk", body, "application/x-ndjson"));
  const json items = json::parse(answer.body, nullptr, false);
  if (answer.status == 200 && items.is_object() && !items.value("errors", true)) return Status::Ok();
  return Internal("bulk ingest answered " + answer.body.substr(0, 300));
}

Result<std::string> HubAndEdge::GetBody(const std::string& path) {
  PERENNIAL_ASSIGN_OR_RETURN(const auto answer, hub_client_->Get(path));
  if (answer.status == 200 && json::accept(answer.body)) return answer.body;
  return Internal("GET " + path + " answered " + std::to_string(answer.status) + " " + answer.body.substr(0, 300));
}

Result<EdgeAnswer> HubAndEdge::Ask(const format::Sample& sample) {
  const json body = {
      {"inputs", {{{"name", "image"}, {"datatype", "BYTES"}, {"shape", {1}}, {"data", {Base64Encode(sample.image)}}}}}};
  PERENNIAL_ASSIGN_OR_RETURN(const auto answer,
                             edge_client_->Post("/v2/models/default/infer", body.dump(), "application/json"));
  const json parsed = json::parse(answer.body, nullptr, false);
  if (answer.status != 200 || !parsed.is_object()) return Internal("the edge answered " + answer.body.substr(0, 300));
  EdgeAnswer out;
  out.version = std::stoull(parsed.value("model_version", "0"));
  for (const json& output : parsed.value("outputs", json::array())) {
    if (output.value("name", "") == "label") out.label = output["data"][0].get<std::string>();
  }
  return out;
}

Result<uint64_t> HubAndEdge::DeltaBytes(uint64_t version) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::string body, GetBody("/api/v1/versions/" + std::to_string(version)));
  return json::parse(body).value("delta_bytes", uint64_t{0});
}

Result<bool> HubAndEdge::IsNewest(uint64_t version) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::string body, GetBody("/api/v1/status"));
  const json status = json::parse(body);
  const json rollout = status.value("rollout", json::object());
  return rollout.value("stable", uint64_t{0}) == version && rollout.value("candidate", uint64_t{0}) == 0;
}

Result<uint64_t> HubAndEdge::Backlog() {
  PERENNIAL_ASSIGN_OR_RETURN(const std::string body, GetBody("/api/v1/status"));
  const json status = json::parse(body);
  return status.value("trainer", json::object()).value("backlog", uint64_t{0});
}

Status HubAndEdge::FlushAndSettle(const std::vector<format::Sample>& tests, Duration timeout) {
  PERENNIAL_ASSIGN_OR_RETURN(const auto flushed, hub_client_->Post("/api/v1/samples/flush", "{}", "application/json"));
  if (flushed.status / 100 != 2) return Internal("flush answered " + flushed.body.substr(0, 300));
  const SteadyTime deadline = std::chrono::steady_clock::now() + timeout;
  constexpr int kCalm = 5;  // looks in a row, some tenths of a second apart: a candidate may still be made
  int calm = 0;
  while (std::chrono::steady_clock::now() < deadline) {
    uint64_t version = 0;
    for (size_t i = 0; i < tests.size() && i < 50; ++i) {
      const auto answer = Ask(tests[i]);
      if (answer.ok()) version = answer->version;  // no version yet: the edge says so
    }
    PERENNIAL_ASSIGN_OR_RETURN(const bool newest, IsNewest(version));
    PERENNIAL_ASSIGN_OR_RETURN(const uint64_t backlog, Backlog());
    calm = newest && version > 0 && backlog == 0 ? calm + 1 : 0;
    if (calm >= kCalm) return Status::Ok();
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
  return DeadlineExceeded("hub and edge did not settle in time",
                          "is the machine overloaded? --dump DIR keeps their logs");
}

}  // namespace perennial::bench
