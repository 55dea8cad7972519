#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/hash.h"
#include "storage/base/status.h"
#include "updater/rollout.h"
#include "updater/trust/signer.h"

namespace perennial::transport {

// What the hub announces at least once a heartbeat: which versions to run, signed and short-lived (wire.md). Value
// type.
struct Head {
  std::string model_id;
  updater::RolloutState rollout;
  Hash256 stable_manifest;  // SignedManifest::Hash(); zero when there is no such version
  Hash256 candidate_manifest;
  uint64_t sequence = 0;      // grows with every HEAD of an epoch: a replayed one is not fresh
  uint32_t heartbeat_ms = 0;  // how often to expect one
  int64_t created_us = 0;
  int64_t expires_us = 0;

  friend bool operator==(const Head&, const Head&) = default;
  // True when both tell a node to do the same (all but sequence and times).
  bool SameOrders(const Head& other) const;
  std::string Encode() const;
  static Result<Head> Decode(std::string_view bytes);
};

// The Head's bytes, the signer's key id and an Ed25519 signature over kHeadContext and the bytes.
std::string SignHead(const Head& head, const trust::Signer& signer);
// kPermissionDenied unless a trusted key signed exactly these bytes.
Result<Head> OpenHead(std::string_view signed_head, const trust::Verifier& verifier);

}  // namespace perennial::transport
