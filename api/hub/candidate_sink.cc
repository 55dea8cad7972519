#include "api/hub/candidate_sink.h"

#include <nlohmann/json.hpp>

#include "storage/base/log.h"

namespace perennial::hub {
namespace {

using versions::VersionFate;
using versions::VersionRecord;

// Whether a version was made of this very state of the trainer.
bool IsMadeOf(const VersionRecord& record, const trainer::TrainedState& state) {
  if (record.manifest.trained_until != state.trained_until) return false;
  const auto report = nlohmann::json::parse(record.report_json, nullptr, false);
  if (!report.is_object()) return false;
  // Of one state there may be many heads; none is the network's candidate.
  if (report.value("head_only", false)) return false;
  const auto number = [&report](const char* key) {
    const auto at = report.find(key);
    return at != report.end() && at->is_number_unsigned() ? at->get<uint64_t>() : 0;
  };
  // After a source was forgotten the same steps on the same entries make another candidate.
  return number("steps") == state.steps && number("forgotten_until") == state.forgotten_until;
}

// The network of the version before it with another instant head.
bool IsHeadOnly(const VersionRecord& record) {
  const auto report = nlohmann::json::parse(record.report_json, nullptr, false);
  return report.is_object() && report.value("head_only", false);
}

bool IsHeld(VersionFate fate) { return fate == VersionFate::kStable || fate == VersionFate::kRetired; }

api::FlipList ListOf(const trainer::FlipReport& from) {
  api::FlipList list;
  list.known = from.known;
  list.compared = from.compared;
  list.lost = from.lost;
  list.won = from.won;
  list.negative_flip_rate = from.NegativeFlipRate();
  for (const trainer::Flip& flip : from.listed) {
    list.listed.push_back({flip.offset, flip.id, flip.slice, flip.true_label, flip.old_answer, flip.new_answer});
  }
  return list;
}

}  // namespace

Result<VersionId> ReleasingSink::Offer(const trainer::Candidate& candidate, bool by_hand) {
  saturated_ = candidate.saturated_ratio > kMaxSaturatedRatio;
  if (!candidate.accepted) {
    return FailedPrecondition("the gate refused the candidate: " + candidate.reason, "feed more samples and try again");
  }
  if (candidate.report.head_only) return OfferHead(candidate);
  const auto records = versions_.List();
  auto newest = records.rbegin();
  while (newest != records.rend() && IsHeadOnly(*newest)) ++newest;
  if (newest != records.rend() && IsMadeOf(*newest, trainer::TrainedState::Of(candidate.report))) {
    const VersionRecord& same = *newest;
    if (same.fate == VersionFate::kRolledBack || same.fate == VersionFate::kRefused) {
      return FailedPrecondition("what was learned so far was published as version " + same.manifest.version.ToString() +
                                    " and rolled back: " + same.reason,
                                "feed more samples and try again");
    }
    log::Info("version_already_published", {{"version", same.manifest.version.value}});
    Note(candidate, same.manifest.version);
    return same.manifest.version;
  }
  const auto outcome = releaser_.Release(candidate.image, candidate.report.ToJson());
  if (!outcome.ok()) {
    // A trial that began meanwhile ends; by hand the operator is told instead.
    const bool later = !by_hand && rollout_.TrialRunning();
    return later ? Unavailable(outcome.status().message()) : outcome.status();
  }
  Note(candidate, outcome->version);
  log::Info("version_published", {{"version", outcome->version.value},
                                  {"trained_until", candidate.report.trained_until},
                                  {"accuracy", candidate.report.average_accuracy},
                                  {"snapshot_bytes", outcome->snapshot_bytes},
                                  {"delta_bytes", outcome->delta_bytes}});
  return outcome->version;
}

Result<VersionId> ReleasingSink::OfferHead(const trainer::Candidate& candidate) {
  const std::string report = candidate.report.ToJson();
  PERENNIAL_ASSIGN_OR_RETURN(
      const updater::PublishOutcome outcome,
      instant_trial_
          ? releaser_.Release(candidate.image, report)
          : releaser_.ReleaseAtOnce(candidate.image, report, "the network that runs, with a new instant head"));
  Note(candidate, outcome.version);
  log::Info("instant_head_published", {{"version", outcome.version.value},
                                       {"labels", candidate.image.labels.size()},
                                       {"delta_bytes", outcome.delta_bytes}});
  return outcome.version;
}

void ReleasingSink::Note(const trainer::Candidate& candidate, VersionId version) {
  journal_.NotePublished("main", candidate.report.trained_until, version);
  journal_.PutFlips(version, ListOf(candidate.flips));
}

trainer::CandidateSink::Predecessor ReleasingSink::PredecessorOf(const trainer::TrainedState& state) {
  const updater::RolloutState rollout = rollout_.State();
  VersionId version = rollout.candidate.value != 0 ? rollout.candidate : rollout.stable;
  const auto records = versions_.List();
  auto at = records.end();
  while (at != records.begin() && (at - 1)->manifest.version >= version) --at;
  if (at != records.end() && IsMadeOf(*at, state)) {
    version = {};
    while (version.value == 0 && at != records.begin()) {
      if (IsHeld((--at)->fate)) version = at->manifest.version;
    }
  }
  if (version == predecessor_.version && predecessor_.image != nullptr) return predecessor_;
  predecessor_ = {version, nullptr};
  if (version.value == 0) return predecessor_;
  auto image = releaser_.ImageOf(version);
  if (image.ok()) {
    predecessor_.image = *std::move(image);
  } else {
    log::Warn("predecessor_unreadable", {{"version", version.value}, {"error", image.status().ToString()}});
  }
  return predecessor_;
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
