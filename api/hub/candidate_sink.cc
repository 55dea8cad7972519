#include "api/hub/candidate_sink.h"

#include "storage/base/log.h"

namespace perennial::hub {

Result<VersionId> ReleasingSink::Offer(const trainer::Candidate& candidate, bool by_hand) {
  saturated_ = candidate.saturated_ratio > kMaxSaturatedRatio;
  if (!candidate.accepted) {
    return FailedPrecondition("the gate refused the candidate: " + candidate.reason, "feed more samples and try again");
  }
  const auto outcome = releaser_.Release(candidate.image, candidate.report.ToJson());
  if (!outcome.ok()) {
    // A trial that began meanwhile ends; by hand the operator is told instead.
    const bool later = !by_hand && rollout_.TrialRunning();
    return later ? Unavailable(outcome.status().message()) : outcome.status();
  }
  journal_.NotePublished("main", candidate.report.trained_until, outcome->version);
  log::Info("version_published", {{"version", outcome->version.value},
                                  {"trained_until", candidate.report.trained_until},
                                  {"accuracy", candidate.report.average_accuracy},
                                  {"snapshot_bytes", outcome->snapshot_bytes},
                                  {"delta_bytes", outcome->delta_bytes}});
  return outcome->version;
}

std::shared_ptr<const format::VersionImage> ReleasingSink::FrozenScales() {
  if (saturated_ || releaser_.WantsNewScales()) return nullptr;
  auto newest = releaser_.Newest();
  if (newest.ok()) return *newest;
  // Fresh scales cost a snapshot and nothing else.
  log::Warn("newest_version_unreadable", {{"error", newest.status().ToString()}});
  return nullptr;
}

}  // namespace perennial::hub
