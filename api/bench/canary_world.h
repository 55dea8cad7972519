#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/process/child_process.h"
#include "storage/base/env.h"
#include "storage/base/status.h"
#include "storage/kv/kv_store.h"
#include "storage/versions/version_store.h"
#include "updater/publisher.h"
#include "updater/rollout.h"
#include "updater/update_server.h"

namespace perennial::bench {

// The hub's update plane in this process, and two real edge processes that follow it. Thread-compatible.
class CanaryWorld {
 public:
  static Result<std::unique_ptr<CanaryWorld>> Start(const updater::CanaryOptions& options);

  // Publishes and starts the rollout (the first version becomes stable at once).
  Result<VersionId> Release(const format::VersionImage& image, const std::string& report_json);
  // Waits until every edge reports `stable` and `candidate` (0: none).
  Status WaitForEdges(VersionId stable, VersionId candidate, Duration timeout);
  uint64_t BytesDownloaded() const;
  updater::RolloutController& rollout() { return *rollout_; }
  const std::vector<std::string>& edge_urls() const { return edge_urls_; }

 private:
  explicit CanaryWorld(TemporaryFolder folder) : folder_(std::move(folder)) {}
  Status StartHubSide(const updater::CanaryOptions& options);
  Status StartEdge(const std::string& name, const std::string& program);

  // In order of dependence; destroyed from the last to the first.
  TemporaryFolder folder_;
  SystemClock clock_;
  std::unique_ptr<trust::HubKeyring> keys_;
  std::unique_ptr<kv::KvStore> store_;
  std::unique_ptr<versions::VersionStore> versions_;
  std::unique_ptr<updater::Publisher> publisher_;
  std::unique_ptr<updater::RolloutController> rollout_;
  std::unique_ptr<updater::UpdateServer> server_;
  std::vector<std::string> edge_urls_;
  std::vector<std::unique_ptr<process::ChildProcess>> edges_;
};

}  // namespace perennial::bench
