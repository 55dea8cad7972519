#include "api/releaser.h"

#include <algorithm>
#include <vector>

#include "storage/base/log.h"

namespace perennial::api {
namespace {

VersionId NewestOf(const versions::VersionStore& versions) {
  const auto records = versions.List();
  return records.empty() ? VersionId{} : records.back().manifest.version;
}

}  // namespace

Status ReleaserOptions::Validate() const {
  if (keep_versions < 1) return InvalidArgument("keep_versions must be at least 1");
  return Status::Ok();
}

Releaser::Releaser(updater::Publisher& publisher, versions::VersionStore& versions, updater::RolloutController& rollout,
                   EventHub& events, ReleaserOptions options)
    : publisher_(publisher), versions_(versions), rollout_(rollout), events_(events), options_(options) {}

Result<updater::PublishOutcome> Releaser::Release(const format::VersionImage& image, std::string_view report_json) {
  MutexLock lock(mutex_);
  return Begin(image, report_json);
}

Result<updater::PublishOutcome> Releaser::ReleaseAtOnce(const format::VersionImage& image, std::string_view report_json,
                                                        std::string_view why) {
  MutexLock lock(mutex_);
  PERENNIAL_ASSIGN_OR_RETURN(const updater::PublishOutcome outcome, Begin(image, report_json));
  // The first version ever is stable already.
  if (rollout_.TrialRunning()) PERENNIAL_RETURN_IF_ERROR(rollout_.Promote(why));
  return outcome;
}

Result<updater::PublishOutcome> Releaser::Begin(const format::VersionImage& image, std::string_view report_json) {
  if (rollout_.TrialRunning()) {
    return FailedPrecondition("version " + rollout_.State().candidate.ToString() + " is on trial",
                              "promote or abort it, or wait for its verdict");
  }
  PERENNIAL_ASSIGN_OR_RETURN(const updater::PublishOutcome outcome,
                             publisher_.Publish(image, report_json, NewestOf(versions_), rollout_.State().stable));
  wants_new_scales_ = outcome.wants_new_scales;
  events_.Publish("version_published", {{"version", outcome.version.value},
                                        {"snapshot_bytes", outcome.snapshot_bytes},
                                        {"delta_bytes", outcome.delta_bytes},
                                        {"fp32_bytes", outcome.fp32_bytes},
                                        {"trained_until", image.trained_until}});
  PERENNIAL_RETURN_IF_ERROR(rollout_.Start(outcome.version).WithContext("start the trial"));
  Collect();
  return outcome;
}

Result<VersionId> Releaser::RollBack(VersionId to, std::string_view why) {
  MutexLock lock(mutex_);
  PERENNIAL_ASSIGN_OR_RETURN(const versions::VersionRecord target, versions_.Get(to));
  if (!target.content_available) {
    return FailedPrecondition("the content of version " + to.ToString() + " was collected",
                              "choose a newer one: GET /api/v1/versions shows content_available");
  }
  if (auto image = publisher_.Load(to); !image.ok())
    return image.status().WithContext("check version " + to.ToString());
  const std::string reason = "roll back to the content of version " + to.ToString() + ": " + std::string(why);
  if (rollout_.TrialRunning()) PERENNIAL_RETURN_IF_ERROR(rollout_.Abort(reason));
  PERENNIAL_ASSIGN_OR_RETURN(const updater::PublishOutcome outcome,
                             publisher_.Republish(to, why, rollout_.State().stable));
  events_.Publish("version_published", {{"version", outcome.version.value},
                                        {"content_of", to.value},
                                        {"snapshot_bytes", outcome.snapshot_bytes},
                                        {"delta_bytes", outcome.delta_bytes},
                                        {"fp32_bytes", outcome.fp32_bytes},
                                        {"trained_until", target.manifest.trained_until}});
  PERENNIAL_RETURN_IF_ERROR(rollout_.Start(outcome.version));
  // The first version ever is stable at once and has no trial to end.
  if (rollout_.TrialRunning()) PERENNIAL_RETURN_IF_ERROR(rollout_.Promote(reason));
  Collect();
  return outcome.version;
}

Status Releaser::ResumeUnstarted() {
  MutexLock lock(mutex_);
  if (rollout_.TrialRunning()) return Status::Ok();
  const auto records = versions_.List();
  if (records.empty() || records.back().fate != versions::VersionFate::kPublished) return Status::Ok();
  const VersionId version = records.back().manifest.version;
  const updater::RolloutState state = rollout_.State();
  if (version == state.stable || version == state.candidate) return Status::Ok();
  log::Info("trial_resumed", {{"version", version.value}});
  return rollout_.Start(version);
}

Result<std::shared_ptr<const format::VersionImage>> Releaser::Newest() {
  MutexLock lock(mutex_);
  const VersionId newest = NewestOf(versions_);
  if (newest.value == 0) return std::shared_ptr<const format::VersionImage>();
  return publisher_.Load(newest);
}

Result<std::shared_ptr<const format::VersionImage>> Releaser::ImageOf(VersionId version) {
  MutexLock lock(mutex_);
  return publisher_.Load(version);
}

bool Releaser::WantsNewScales() const {
  MutexLock lock(mutex_);
  return wants_new_scales_;
}

void Releaser::Collect() {
  const updater::RolloutState state = rollout_.State();
  std::vector<VersionId> keep = {state.stable, state.candidate};
  const auto records = versions_.List();
  const size_t newest = std::min(records.size(), options_.keep_versions);
  for (size_t i = records.size() - newest; i < records.size(); ++i) keep.push_back(records[i].manifest.version);
  std::erase(keep, VersionId{});
  const auto freed = versions_.CollectGarbage(keep);
  if (!freed.ok()) log::Warn("version_gc_failed", {{"error", freed.status().ToString()}});
}

}  // namespace perennial::api
