#include "api/bench/canary_world.h"

#include <thread>

#include "api/process/ready_line.h"
#include "updater/trust/keyring.h"

namespace perennial::bench {

Result<std::unique_ptr<CanaryWorld>> CanaryWorld::Start(const updater::CanaryOptions& options) {
  PERENNIAL_ASSIGN_OR_RETURN(TemporaryFolder folder, TemporaryFolder::Make("perennial-bench-canary"));
  std::unique_ptr<CanaryWorld> world(new CanaryWorld(std::move(folder)));
  PERENNIAL_RETURN_IF_ERROR(world->StartHubSide(options).WithContext("start the hub side"));
  PERENNIAL_ASSIGN_OR_RETURN(const std::string programs, process::ProgramFolder());
  for (const std::string name : {"edge-1", "edge-2"}) {
    PERENNIAL_RETURN_IF_ERROR(world->StartEdge(name, programs + "/perennial-edge").WithContext("start " + name));
  }
  return world;
}

Status CanaryWorld::StartHubSide(const updater::CanaryOptions& options) {
  const std::string keys = folder_.path() + "/keys";
  PERENNIAL_RETURN_IF_ERROR(trust::HubKeyring::Init(keys));
  PERENNIAL_ASSIGN_OR_RETURN(keys_, trust::HubKeyring::Load(keys));
  kv::KvOptions store;
  store.path = folder_.path() + "/hub";
  store.families = versions::VersionStore::Families();
  PERENNIAL_ASSIGN_OR_RETURN(store_, kv::OpenRocks(store));
  PERENNIAL_ASSIGN_OR_RETURN(versions_, versions::VersionStore::Open(*store_));
  PERENNIAL_ASSIGN_OR_RETURN(publisher_, updater::Publisher::Open(*versions_, keys_->signer(), {}, clock_));
  PERENNIAL_ASSIGN_OR_RETURN(rollout_, updater::RolloutController::Open(*versions_, options, clock_,
                                                                        [this](const updater::RolloutState& state) {
                                                                          if (server_) server_->Announce(state);
                                                                        }));
  PERENNIAL_ASSIGN_OR_RETURN(server_, updater::UpdateServer::Start({}, *keys_, *versions_, *rollout_, clock_));
  return Status::Ok();
}

Status CanaryWorld::StartEdge(const std::string& name, const std::string& program) {
  const std::string bundle = folder_.path() + "/" + name + "-keys";
  PERENNIAL_RETURN_IF_ERROR(trust::HubKeyring::AddNode(folder_.path() + "/keys", name, bundle));
  process::ChildOptions options;
  options.program = program;
  options.log_path = folder_.path() + "/" + name + ".log";
  options.arguments = {"--bundle",   bundle,
                       "--announce", server_->announce_endpoint(),
                       "--bulk",     server_->bulk_endpoint(),
                       "--data",     folder_.path() + "/" + name,
                       "--http",     "127.0.0.1:0"};
  PERENNIAL_ASSIGN_OR_RETURN(auto child, process::ChildProcess::Start(options));
  PERENNIAL_ASSIGN_OR_RETURN(const process::ReadyLine ready, process::ReadReadyLine(*child));
  edge_urls_.push_back(ready.url);
  edges_.push_back(std::move(child));
  return Status::Ok();
}

Result<VersionId> CanaryWorld::Release(const format::VersionImage& image, const std::string& report_json) {
  const VersionId stable = rollout_->State().stable;
  PERENNIAL_ASSIGN_OR_RETURN(const updater::PublishOutcome outcome,
                             publisher_->Publish(image, report_json, stable, stable));
  PERENNIAL_RETURN_IF_ERROR(rollout_->Start(outcome.version));
  return outcome.version;
}

Status CanaryWorld::WaitForEdges(VersionId stable, VersionId candidate, Duration timeout) {
  const SteadyTime deadline = clock_.In(timeout);
  for (;;) {
    size_t there = 0;
    for (const updater::NodeStatus& node : server_->Nodes()) {
      if (node.stable == stable && node.candidate == candidate) ++there;
    }
    if (there == edges_.size()) return Status::Ok();
    if (clock_.Now() > deadline) {
      return DeadlineExceeded("only " + std::to_string(there) + " edges reached stable " + stable.ToString() +
                              ", candidate " + candidate.ToString());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

uint64_t CanaryWorld::BytesDownloaded() const {
  uint64_t bytes = 0;
  for (const updater::NodeStatus& node : server_->Nodes()) bytes += node.bytes_downloaded;
  return bytes;
}

}  // namespace perennial::bench
