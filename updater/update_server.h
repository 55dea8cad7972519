#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/status.h"
#include "storage/versions/version_store.h"
#include "updater/rollout.h"
#include "updater/trust/keyring.h"

namespace perennial::updater {

struct UpdateServerOptions {
  std::string announce_endpoint = "tcp://127.0.0.1:*";  // XPUB; a * port is chosen by the system
  std::string bulk_endpoint = "tcp://127.0.0.1:*";      // ROUTER: chunks, reports, feedback
  Duration heartbeat = std::chrono::milliseconds(500);
  Duration head_lifetime = std::chrono::seconds(10);  // a HEAD older than this is stale to a node
  uint64_t max_inflight_bytes_per_peer = 2'500'000;
  size_t max_nodes = 1024;
  Status Validate() const;
};

// A node as the hub sees it.
struct NodeStatus {
  std::string name;
  std::string state;  // of its subscriber: IDLE, FETCH, ... (updater/subscriber.h)
  VersionId stable;
  VersionId candidate;
  int64_t last_seen_us = 0;
  bool connected = false;  // a report within the last three heartbeats
  uint64_t swaps = 0;
  uint64_t bytes_downloaded = 0;
  std::string last_error;
  std::string http_address;  // where it answers requests
  std::vector<ArmCounts> arms;
};

// The hub's side of the update plane: one thread owning the XPUB, ROUTER and ZAP sockets. Thread-safe.
class UpdateServer {
 public:
  // Binds and starts. kAlreadyExists when a port is busy ("address in use: choose another or stop the other hub").
  static Result<std::unique_ptr<UpdateServer>> Start(UpdateServerOptions options, const trust::HubKeyring& keys,
                                                     versions::VersionStore& store, RolloutController& rollout,
                                                     const Clock& clock);
  virtual ~UpdateServer() = default;  // stops and joins

  virtual std::string announce_endpoint() const = 0;  // with the port it got
  virtual std::string bulk_endpoint() const = 0;
  // Announces a changed state now rather than at the next heartbeat.
  virtual void Announce(const RolloutState& state) = 0;
  virtual std::vector<NodeStatus> Nodes() const = 0;
  // Forwards a label for `request_id` to the node that answered (its name is the id's part before the first ':').
  // kNotFound when the node is not connected, kDeadlineExceeded when it did not confirm in time.
  virtual Status ForwardFeedback(const std::string& request_id, const std::string& label, Duration timeout) = 0;
};

}  // namespace perennial::updater
