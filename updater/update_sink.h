#pragma once

#include <memory>

#include "storage/base/hash.h"
#include "storage/base/ids.h"
#include "storage/base/status.h"
#include "storage/format/version_image.h"

namespace perennial::updater {

// A verified, decoded version on its way into service.
struct StagedVersion {
  VersionId version;
  Hash256 root;  // image->Root(), already checked against the signed manifest
  std::shared_ptr<const format::VersionImage> image;
};

// Share of the requests that a trial version takes: 50 = 5 %.
struct TrialWeight {
  uint32_t permille = 50;
};

// What the subscriber drives and serving implements. Calls come from one thread, in the order of the state machine;
// none runs on a request thread. An error leaves the sink as it was before the call.
class UpdateSink {
 public:
  virtual ~UpdateSink() = default;
  // Builds the shadow module, checks its outputs on warm-up inputs (finite, right shape) and warms it. Slow; nothing is
  // served from it yet. With the same root as a resident version it is a cheap alias: no second copy.
  virtual Status Stage(const StagedVersion& staged) = 0;
  // Begins or re-weights the trial: the staged version takes `weight` of the requests by routing-key hash. One pointer
  // flip.
  virtual Status Activate(VersionId version, TrialWeight weight) = 0;
  // The trial (or staged) version takes all requests; the old stable one is retired after its last request. One pointer
  // flip.
  virtual Status Confirm(VersionId version) = 0;
  // The trial version takes no more requests and is retired. One pointer flip. kNotFound when it is not on trial.
  virtual Status Revert(VersionId version) = 0;
};

}  // namespace perennial::updater
