#include "api/quickstart/cluster.h"

#include <sys/wait.h>

#include "api/process/ready_line.h"
#include "updater/trust/keyring.h"

namespace perennial::quickstart {
namespace {

constexpr Duration kStopTimeout = std::chrono::seconds(30);

}  // namespace

Result<std::unique_ptr<Cluster>> Cluster::Start(const Options& options, const Profile& profile,
                                                const std::string& folder) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::string programs, process::ProgramFolder());
  std::unique_ptr<Cluster> cluster(new Cluster(folder));
  const std::string keys = folder + "/keys";
  PERENNIAL_RETURN_IF_ERROR(trust::HubKeyring::Init(keys));
  for (const std::string name : {"edge-1", "edge-2"}) {
    PERENNIAL_RETURN_IF_ERROR(trust::HubKeyring::AddNode(keys, name, folder + "/" + name + "-keys"));
  }
  PERENNIAL_RETURN_IF_ERROR(cluster->StartHub(options, profile, programs).WithContext("start the hub"));
  for (const std::string name : {"edge-1", "edge-2"}) {
    PERENNIAL_RETURN_IF_ERROR(cluster->StartEdge(name, programs).WithContext("start " + name));
  }
  return cluster;
}

Cluster::~Cluster() { (void)Stop(); }

Status Cluster::StartHub(const Options& options, const Profile& profile, const std::string& programs) {
  process::ChildOptions hub;
  hub.program = programs + "/perennial-hub";
  hub.log_path = folder_ + "/hub.log";
  hub.arguments = {"--data", folder_ + "/hub", "--keys", folder_ + "/keys", "--http", "127.0.0.1:0", "--announce",
                   "tcp://127.0.0.1:*", "--bulk", "tcp://127.0.0.1:*", "--open-loopback", "--spec", profile.spec,
                   "--shadow", "naive", "--seed", std::to_string(options.seed), "--publish-every",
                   std::to_string(profile.publish_every), "--eval-max", std::to_string(profile.evaluate_per_slice),
                   "--replay-capacity", std::to_string(options.replay_capacity), "--learning-rate",
                   std::to_string(profile.learning_rate),
                   // One step a batch: samples come in faster than twenty would allow.
                   "--most-steps-per-batch", "1", "--canary-min-requests", std::to_string(profile.canary_min_requests),
                   "--canary-guard-requests", std::to_string(profile.canary_guard_requests), "--canary-min-feedback",
                   std::to_string(profile.canary_min_feedback)};
  if (!options.dump.empty()) hub.arguments.insert(hub.arguments.end(), {"--dump-evaluations", options.dump});
  PERENNIAL_ASSIGN_OR_RETURN(auto child, process::ChildProcess::Start(hub));
  PERENNIAL_ASSIGN_OR_RETURN(const process::ReadyLine ready, process::ReadReadyLine(*child));
  hub_url_ = ready.url;
  announce_ = ready.announce;
  bulk_ = ready.bulk;
  programs_.emplace_back("hub", std::move(child));
  return Status::Ok();
}

Status Cluster::StartEdge(const std::string& name, const std::string& programs) {
  process::ChildOptions edge;
  edge.program = programs + "/perennial-edge";
  edge.log_path = folder_ + "/" + name + ".log";
  edge.arguments = {"--bundle", folder_ + "/" + name + "-keys", "--announce", announce_,    "--bulk", bulk_,
                    "--data",   folder_ + "/" + name,           "--http",     "127.0.0.1:0"};
  PERENNIAL_ASSIGN_OR_RETURN(auto child, process::ChildProcess::Start(edge));
  PERENNIAL_ASSIGN_OR_RETURN(const process::ReadyLine ready, process::ReadReadyLine(*child));
  edge_urls_.push_back(ready.url);
  programs_.emplace_back(name, std::move(child));
  return Status::Ok();
}

Status Cluster::CheckRunning() {
  for (auto& [name, program] : programs_) {
    if (!program->Running()) {
      return Unavailable(name + " ended in the middle of the run", "its log is " + folder_ + "/" + name + ".log");
    }
  }
  return Status::Ok();
}

Status Cluster::Stop() {
  Status first = Status::Ok();
  while (!programs_.empty()) {
    auto& [name, program] = programs_.back();
    const Result<int> ended = program->Stop(kStopTimeout);
    const bool clean = ended.ok() && WIFEXITED(*ended) && WEXITSTATUS(*ended) == 0;
    if (!clean && first.ok()) {
      first = Internal(name + " did not end cleanly" + (ended.ok() ? "" : ": " + ended.status().message()));
    }
    programs_.pop_back();
  }
  return first;
}

}  // namespace perennial::quickstart
