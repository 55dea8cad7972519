#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "storage/base/clock.h"
#include "storage/base/status.h"
#include "storage/versions/version_store.h"
#include "updater/evidence.h"
#include "updater/rollout.h"
#include "updater/trust/keyring.h"
#include "updater/update_sink.h"

namespace perennial::updater {

// The node's life with one version (update-protocol: "Node states"). The legal moves are one literal table in
// updater/node_state.cc; every failure edge is a row of it.
enum class NodeState : uint8_t { kIdle, kFetch, kStaged, kVerified, kWarm, kTrial, kCommitted, kRolledBack, kReported };
std::string_view NodeStateName(NodeState state);

struct SubscriberOptions {
  std::string announce_endpoint;
  std::string bulk_endpoint;
  std::string model_id = "default";
  Duration trial_deadline = std::chrono::hours(1);     // then the node reverts by itself
  Duration request_timeout = std::chrono::seconds(5);  // of one chunk; then reconnect and resume
  uint64_t credit_bytes = 2'000'000;                   // chunk bytes asked for ahead
  uint64_t max_object_bytes = 1u << 30;
  Duration report_interval = std::chrono::milliseconds(200);
  Status Validate() const;
};

struct SubscriberStatus {
  NodeState state = NodeState::kIdle;
  VersionId stable;
  VersionId candidate;
  uint64_t swaps = 0;             // times the stable pointer flipped in this process
  uint64_t bytes_downloaded = 0;  // chunk bytes, in this process
  uint64_t snapshots_fetched = 0, deltas_fetched = 0;
  bool stale = false;  // no fresh HEAD within three heartbeats: serving on, flagged
  std::string last_error;
};

// The node's side of the update plane: follows HEAD, fetches what it lacks (resuming at chunk level, also after a
// restart), verifies, drives the UpdateSink, persists slots A, B, last_good and the state, reports evidence. Two
// threads: sockets, and the loader (background priority). Thread-safe.
class Subscriber {
 public:
  // Boots `sink` from the last good slot before it returns (with no hub in reach), then follows the hub. `evidence` and
  // `feedback` may be null. All references must outlive the subscriber.
  static Result<std::unique_ptr<Subscriber>> Start(SubscriberOptions options, const trust::NodeBundle& bundle,
                                                   versions::VersionStore& store, UpdateSink& sink, Evidence* evidence,
                                                   FeedbackSink* feedback, const std::string& http_address,
                                                   const Clock& clock);
  virtual ~Subscriber() = default;  // stops and joins
  virtual SubscriberStatus GetStatus() const = 0;
};

}  // namespace perennial::updater
