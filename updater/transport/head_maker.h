#pragma once

#include <string>
#include <string_view>

#include "storage/base/clock.h"
#include "storage/versions/version_store.h"
#include "updater/rollout.h"
#include "updater/transport/head.h"
#include "updater/trust/signer.h"

namespace perennial::transport {

// Turns the rollout's state into the next signed HEAD. Confined to the server's thread.
class HeadMaker {
 public:
  HeadMaker(const versions::VersionStore& store, const trust::Signer& signer, const Clock& clock, Duration heartbeat,
            Duration lifetime)
      : store_(store),
        signer_(signer),
        clock_(clock),
        heartbeat_(heartbeat),
        lifetime_(lifetime),
        sequence_(static_cast<uint64_t>(clock.WallMicros())) {}

  // Fails when a named version is not in the store.
  Result<std::string> Make(const updater::RolloutState& state);

 private:
  // Model id and manifest hash of a version, read from the store once.
  struct Known {
    VersionId version;
    std::string model_id;
    Hash256 manifest;
  };
  Status Learn(VersionId version, Known& known) const;

  const versions::VersionStore& store_;
  const trust::Signer& signer_;
  const Clock& clock_;
  const Duration heartbeat_;
  const Duration lifetime_;
  Known stable_;
  Known candidate_;
  uint64_t sequence_;  // from the clock: also a server that starts again within an epoch goes on above its former self
};

// The topic frame that HEADs are published under and nodes subscribe to.
inline constexpr std::string_view kHeadTopic = "HEAD";

}  // namespace perennial::transport
