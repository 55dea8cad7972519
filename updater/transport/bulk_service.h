#pragma once

#include <map>
#include <string>

#include "storage/versions/version_store.h"
#include "updater/transport/peer_credit.h"
#include "updater/transport/wire.h"
#include "updater/transport/zmq_socket.h"

namespace perennial::transport {

// Serves manifests and chunks to nodes, one chunk a node in turn, so that a slow or dead node costs the others nothing:
// what its queue does not take waits, and what waits is bounded by credit. A node has one connection here; a newer one
// replaces the older. Confined to the server's thread.
class BulkService {
 public:
  BulkService(const versions::VersionStore& store, ZmqSocket& router, uint64_t max_inflight_bytes)
      : store_(store), router_(router), max_inflight_bytes_(max_inflight_bytes) {}

  void OnGetManifest(const std::string& route, const GetManifest& request);
  void OnGetChunks(const std::string& node, const std::string& route, const GetChunks& request);
  // Drops what a node that left or was revoked still waits for.
  void Forget(const std::string& node) { peers_.erase(node); }

  enum class PumpResult {
    kIdle,     // nobody waits, or all who do are out of credit
    kMore,     // more can go out at once
    kBlocked,  // a queue was full: try again a little later
  };
  // Sends at most a bounded number of chunks, in turn.
  PumpResult Pump();
  // Control messages are dropped when the peer's queue is full: the node asks again.
  void Reply(const std::string& route, const Message& message);

  uint64_t bytes_sent() const { return bytes_sent_; }

 private:
  struct Peer {
    std::string route;
    PeerCredit credit;
  };
  enum class Step { kSent, kNoCredit, kBlocked, kGone };
  Step SendNext(Peer& peer);

  const versions::VersionStore& store_;
  ZmqSocket& router_;
  const uint64_t max_inflight_bytes_;
  std::map<std::string, Peer> peers_;  // by node name
  std::string last_served_;
  uint64_t bytes_sent_ = 0;
};

}  // namespace perennial::transport
