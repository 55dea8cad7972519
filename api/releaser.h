#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "api/event_hub.h"
#include "storage/base/mutex.h"
#include "storage/versions/version_store.h"
#include "updater/publisher.h"
#include "updater/rollout.h"

namespace perennial::api {

struct ReleaserOptions {
  size_t keep_versions = 10;  // besides the stable one and the candidate, the newest ones keep their content
  Status Validate() const;
};

// The one way a version leaves the hub: publish, start its trial, say so, collect what is no longer needed. The
// trainer's candidates and the rollback verb come here, one at a time. Thread-safe.
class Releaser {
 public:
  // All references must outlive the releaser.
  Releaser(updater::Publisher& publisher, versions::VersionStore& versions, updater::RolloutController& rollout,
           EventHub& events, ReleaserOptions options);

  // Publishes `image` and starts its trial. kFailedPrecondition while another trial runs: nothing is published then.
  Result<updater::PublishOutcome> Release(const format::VersionImage& image, std::string_view report_json);
  // Publishes `image` and makes it stable without a trial. For a version that cannot be worse than measured: the
  // network is the one that runs, and the gate has judged its new head.
  Result<updater::PublishOutcome> ReleaseAtOnce(const format::VersionImage& image, std::string_view report_json,
                                                std::string_view why);
  // Releases the content of `to` under a new number and makes it stable at once, on the operator's word; a running
  // trial is aborted. Checks that the target loads before anything changes.
  Result<VersionId> RollBack(VersionId to, std::string_view why);
  // Starts the trial of the newest version when the hub went down between publishing it and starting it.
  Status ResumeUnstarted();
  // The newest version, whose scales the next one keeps; null when there is none yet.
  Result<std::shared_ptr<const format::VersionImage>> Newest();
  // The image of a version whose content is still there.
  Result<std::shared_ptr<const format::VersionImage>> ImageOf(VersionId version);
  // The next version should be quantised with fresh scales.
  bool WantsNewScales() const;

 private:
  Result<updater::PublishOutcome> Begin(const format::VersionImage& image, std::string_view report_json)
      REQUIRES_LOCK(mutex_);
  void Collect();

  updater::Publisher& publisher_;
  versions::VersionStore& versions_;
  updater::RolloutController& rollout_;
  EventHub& events_;
  const ReleaserOptions options_;
  mutable Mutex mutex_;
  bool wants_new_scales_ GUARDED_BY(mutex_) = false;
};

}  // namespace perennial::api
