#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "storage/base/clock.h"
#include "storage/base/rng.h"
#include "storage/versions/version_store.h"
#include "updater/evidence.h"
#include "updater/node_state.h"
#include "updater/subscriber.h"
#include "updater/transport/fetcher.h"
#include "updater/transport/head.h"
#include "updater/transport/node_link.h"
#include "updater/transport/node_plan.h"
#include "updater/transport/node_slots.h"
#include "updater/transport/node_vitals.h"
#include "updater/transport/version_keeper.h"
#include "updater/trust/signer.h"
#include "updater/update_sink.h"

namespace perennial::transport {

// The loader: follows HEAD by walking the table of node_state.h, one version at a time, and makes every call to the
// UpdateSink. Confined to one thread: Boot() on the starting one, then Run() on the loader's.
class NodeDriver {
 public:
  NodeDriver(const updater::SubscriberOptions& options, const trust::NodeBundle& bundle, versions::VersionStore& store,
             updater::UpdateSink& sink, updater::Evidence* evidence, const Clock& clock, NodeVitals& vitals,
             NodeSlots slots);

  // node_boot.cc: brings up the stable version, or the last good one, from the node's own store. When there is none, or
  // none that works (last_error says why), the node starts empty: the hub can mend that.
  void Boot();
  HeadTracker::Fence fence() const { return slots_.fence(); }
  // Until the link says stop.
  void Run(NodeLink& link);

 private:
  // node_driver.cc
  void OnEvent(const LinkEvent& event);
  void Follow();
  void Carry(const NodePlan& plan);
  void WatchTrial();
  void Promote(const NodePlan& plan);
  void Reweight(const NodePlan& plan);
  void EndTrial(const std::string& reason, bool refuse);
  Status Fire(updater::NodeEvent event);
  void ShowVersions();
  void Fail(const Status& error);
  void ShowRefusal(const Head& head);
  bool Waiting(const NodePlan& plan);
  void BackOff(const NodePlan& plan);

  // node_install.cc
  void Install(const NodePlan& plan);
  Status TryInstall(const NodePlan& plan, Fetcher& fetcher);
  // What HEAD says of the version now: still to be installed (maybe as stable instead of on trial, or with another
  // share), or kCancelled.
  Result<NodePlan> Confirmed(const NodePlan& plan) const;
  Result<format::Manifest> GetManifest(const NodePlan& plan, Fetcher& fetcher) const;
  struct Content {
    ImagePtr image;
    std::optional<VersionId> entry;            // held already
    std::optional<format::ObjectRef> fetched;  // else what it was decoded from
  };
  Result<Content> Obtain(const format::Manifest& manifest, Fetcher& fetcher);
  std::optional<Content> FromResident(const format::Manifest& manifest) const;
  Result<Content> FromObject(const format::Manifest& manifest, const ObjectChoice& choice, Fetcher& fetcher);
  Status Prepare(const NodePlan& plan, const format::Manifest& manifest, const Content& content);
  Status BeginTrial(const SlotEntry& entry, uint32_t weight);
  Status Commit(const SlotEntry& entry);

  const updater::SubscriberOptions options_;
  const trust::Verifier verifier_;
  versions::VersionStore& store_;
  updater::UpdateSink& sink_;
  updater::Evidence* const evidence_;
  const Clock& clock_;
  NodeVitals& vitals_;
  NodeSlots slots_;
  VersionKeeper keeper_;
  Rng jitter_;
  NodeLink* link_ = nullptr;
  uint64_t generation_ = 0;  // of chunk requests, over the life of the process

  updater::NodeState state_ = updater::NodeState::kIdle;
  // What the sink runs: slots_ says what is stored, these what is served (a boot may have failed).
  uint32_t trial_weight_ = 0;
  SteadyTime trial_began_{};

  // An attempt that failed is not repeated before this time, unless HEAD names another version.
  struct BackedOff {
    VersionId version;
    Hash256 manifest_hash;
    uint32_t failures = 0;
    SteadyTime until{};
  };
  BackedOff backed_off_;
};

}  // namespace perennial::transport
