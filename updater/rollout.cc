#include "updater/rollout.h"

#include <algorithm>
#include <utility>

#include "storage/base/bytes.h"
#include "storage/base/log.h"
#include "storage/base/mutex.h"
#include "updater/rollout_record.h"
#include "updater/trial_evidence.h"

namespace perennial::updater {
namespace {

constexpr std::string_view kSlot = "rollout";
using versions::VersionFate;
using versions::VersionStore;

// Every change goes the same way: copy the record, change the copy, persist it, adopt it; then fates and the listener
// follow. A crash after the persist leaves fates behind, and Open() mends them.
class Controller final : public RolloutController {
 public:
  Controller(VersionStore& store, CanaryOptions options, const Clock& clock, Listener listener, RolloutRecord record)
      : store_(store), options_(options), clock_(clock), listener_(std::move(listener)), record_(std::move(record)) {
    const RolloutState& state = record_.state;
    evidence_.Reset(state.stable, state.candidate);
    if (state.candidate.value != 0) {
      const int64_t age_us = std::max<int64_t>(0, clock_.WallMicros() - record_.trial_started_us);
      trial_began_ = clock_.Now() - std::min<Duration>(std::chrono::microseconds(age_us), options_.deadline);
    }
  }

  // Persists the new epoch, so that an older twin is fenced from the first HEAD on.
  Status Begin() {
    MutexLock lock(mutex_);
    PERENNIAL_RETURN_IF_ERROR(Adopt(record_));
    MendFates();
    return Status::Ok();
  }

  RolloutState State() const override {
    MutexLock lock(mutex_);
    return record_.state;
  }
  bool TrialRunning() const override { return State().candidate.value != 0; }
  std::vector<Event> History() const override {
    MutexLock lock(mutex_);
    return record_.history;
  }

  Status Start(VersionId version) override;
  void OnEvidence(const std::string& node, const std::vector<ArmCounts>& counts) override {
    MutexLock lock(mutex_);
    evidence_.Add(node, counts);
  }
  void OnRefused(const std::string& node, VersionId version, std::string_view why) override {
    MutexLock lock(mutex_);
    if (version.value != 0 && version == record_.state.candidate && refusal_.empty()) {
      refusal_ = "node " + node + " refused it: " + PlainText(why, kMaxRefusalBytes);
    }
  }
  void Tick() override;
  Status Promote(std::string_view why) override { return End(true, why); }
  Status Abort(std::string_view why) override { return End(false, why); }
  Status Pause(bool paused) override;
  Status SetWeight(uint32_t permille) override;

 private:
  Status End(bool promote, std::string_view why);
  Status EndLocked(bool promote, std::string_view words) REQUIRES_LOCK(mutex_);
  Status NeedTrial() const REQUIRES_LOCK(mutex_);
  Status Adopt(RolloutRecord next) REQUIRES_LOCK(mutex_);
  void Note(RolloutRecord& record, std::string kind, VersionId version, std::string_view reason) const;
  void Mark(VersionId version, VersionFate fate, std::string_view reason) const;
  void MendFates() const REQUIRES_LOCK(mutex_);
  // Tells the listener; call without the lock.
  Status Tell(Status status) const EXCLUDES_LOCK(mutex_) {
    if (status.ok() && listener_) listener_(State());
    return status;
  }

  VersionStore& store_;
  const CanaryOptions options_;
  const Clock& clock_;
  const Listener listener_;

  mutable Mutex mutex_;
  RolloutRecord record_ GUARDED_BY(mutex_);
  TrialEvidence evidence_ GUARDED_BY(mutex_);
  std::string refusal_ GUARDED_BY(mutex_);  // why a node refused the candidate; empty: none did
  SteadyTime trial_began_ GUARDED_BY(mutex_);
  SteadyTime retry_after_ GUARDED_BY(mutex_);  // a verdict could not be persisted: not before this again
};

Status Controller::Start(VersionId version) {
  const auto change = [&]() -> Status {
    MutexLock lock(mutex_);
    if (record_.state.candidate.value != 0) {
      return FailedPrecondition("version " + record_.state.candidate.ToString() + " is on trial already",
                                "promote or abort it first");
    }
    if (version == record_.state.stable) {
      return FailedPrecondition("version " + version.ToString() + " is stable already");
    }
    PERENNIAL_ASSIGN_OR_RETURN(const versions::VersionRecord published, store_.Get(version));
    if (!published.content_available) {
      return FailedPrecondition("the content of version " + version.ToString() + " was collected",
                                "publish it again as a new version");
    }
    RolloutRecord next = record_;
    ++next.state.revision;
    const bool first = next.state.stable.value == 0;
    if (first) {
      next.state.stable = version;
      Note(next, "stable", version, "the first version");
    } else {
      next.state.candidate = version;
      next.state.weight_permille = options_.weight_permille;
      next.state.paused = false;
      next.trial_started_us = clock_.WallMicros();
      Note(next, "trial_started", version, std::to_string(options_.weight_permille) + " permille of the requests");
    }
    PERENNIAL_RETURN_IF_ERROR(Adopt(std::move(next)));
    evidence_.Reset(record_.state.stable, record_.state.candidate);
    refusal_.clear();
    trial_began_ = clock_.Now();
    Mark(version, first ? VersionFate::kStable : VersionFate::kCanary, first ? "the first version" : "on trial");
    return Status::Ok();
  };
  return Tell(change());
}

void Controller::Tick() {
  const auto change = [&]() -> Status {
    MutexLock lock(mutex_);
    const RolloutState& state = record_.state;
    if (state.candidate.value == 0 || state.paused) return Cancelled("nothing to decide");
    const SteadyTime now = clock_.Now();
    if (now < retry_after_) return Cancelled("the last verdict could not be stored");
    Decision decision = Decide(evidence_.Stable(), evidence_.Candidate(), now - trial_began_, options_);
    if (!refusal_.empty()) decision = {Verdict::kRollBack, refusal_};
    if (decision.verdict == Verdict::kContinue) return Cancelled("no verdict yet");
    Status ended = EndLocked(decision.verdict == Verdict::kPromote, decision.reason);
    if (!ended.ok()) {
      log::Error("rollout.verdict_not_stored", {{"error", ended.ToString()}});
      retry_after_ = now + std::chrono::seconds(1);
    }
    return ended;
  };
  (void)Tell(change());
}

Status Controller::End(bool promote, std::string_view why) {
  const auto change = [&]() -> Status {
    MutexLock lock(mutex_);
    return EndLocked(promote, why);
  };
  return Tell(change());
}

Status Controller::EndLocked(bool promote, std::string_view words) {
  PERENNIAL_RETURN_IF_ERROR(NeedTrial());
  const std::string why = PlainText(words, kMaxReasonBytes);
  RolloutRecord next = record_;
  const VersionId candidate = next.state.candidate;
  const VersionId stable = next.state.stable;
  ++next.state.revision;
  if (promote) next.state.stable = candidate;
  next.state.candidate = {};
  next.state.weight_permille = 0;
  next.state.paused = false;
  next.trial_started_us = 0;
  Note(next, promote ? "promoted" : "rolled_back", candidate, why);
  PERENNIAL_RETURN_IF_ERROR(Adopt(std::move(next)));
  evidence_.Reset(record_.state.stable, {});
  refusal_.clear();
  Mark(candidate, promote ? VersionFate::kStable : VersionFate::kRolledBack, why);
  if (promote) Mark(stable, VersionFate::kRetired, "replaced by version " + candidate.ToString());
  log::Info(promote ? "rollout.promoted" : "rollout.rolled_back", {{"version", candidate.value}, {"reason", why}});
  return Status::Ok();
}

Status Controller::Pause(bool paused) {
  const auto change = [&]() -> Status {
    MutexLock lock(mutex_);
    PERENNIAL_RETURN_IF_ERROR(NeedTrial());
    RolloutRecord next = record_;
    ++next.state.revision;
    next.state.paused = paused;
    Note(next, paused ? "paused" : "resumed", next.state.candidate, "");
    return Adopt(std::move(next));
  };
  return Tell(change());
}

Status Controller::SetWeight(uint32_t permille) {
  if (permille > 1000) {
    return InvalidArgument("weight " + std::to_string(permille) + " is over 1000 permille", "send 0 to 1000");
  }
  const auto change = [&]() -> Status {
    MutexLock lock(mutex_);
    PERENNIAL_RETURN_IF_ERROR(NeedTrial());
    RolloutRecord next = record_;
    ++next.state.revision;
    next.state.weight_permille = permille;
    Note(next, "weight", next.state.candidate, std::to_string(permille) + " permille");
    return Adopt(std::move(next));
  };
  return Tell(change());
}

Status Controller::NeedTrial() const {
  if (record_.state.candidate.value != 0) return Status::Ok();
  return FailedPrecondition("no version is on trial", "publish one, or see `perennial versions`");
}

Status Controller::Adopt(RolloutRecord next) {
  PERENNIAL_RETURN_IF_ERROR(
      store_.SetSlots({{std::string(kSlot), next.Encode()}}).WithContext("store the rollout state"));
  record_ = std::move(next);
  return Status::Ok();
}

void Controller::Note(RolloutRecord& record, std::string kind, VersionId version, std::string_view reason) const {
  record.history.push_back({clock_.WallMicros(), std::move(kind), version, std::string(reason)});
  if (record.history.size() > kMaxHistory) record.history.erase(record.history.begin());
}

void Controller::Mark(VersionId version, VersionFate fate, std::string_view reason) const {
  // The slot is what counts; a fate that could not be written is mended at the next start.
  if (Status marked = store_.SetFate(version, fate, reason); !marked.ok()) {
    log::Warn("rollout.fate_not_stored", {{"version", version.value}, {"error", marked.ToString()}});
  }
}

void Controller::MendFates() const {
  for (const versions::VersionRecord& record : store_.List()) {
    const VersionId version = record.manifest.version;
    if (version == record_.state.stable) {
      if (record.fate != VersionFate::kStable) Mark(version, VersionFate::kStable, "as the rollout state says");
    } else if (version == record_.state.candidate) {
      if (record.fate != VersionFate::kCanary) Mark(version, VersionFate::kCanary, "on trial");
    } else if (record.fate == VersionFate::kStable) {
      Mark(version, VersionFate::kRetired, "no longer stable");
    } else if (record.fate == VersionFate::kCanary) {
      Mark(version, VersionFate::kRolledBack, "no longer on trial");
    }
  }
}

}  // namespace

Result<std::unique_ptr<RolloutController>> RolloutController::Open(VersionStore& store, CanaryOptions options,
                                                                   const Clock& clock, Listener listener) {
  PERENNIAL_RETURN_IF_ERROR(options.Validate());
  RolloutRecord record;
  if (const std::optional<std::string> stored = store.Slot(kSlot)) {
    PERENNIAL_ASSIGN_OR_RETURN(record, RolloutRecord::Decode(*stored).WithContext("open the rollout state"));
  }
  const uint64_t seconds = static_cast<uint64_t>(std::max<int64_t>(0, clock.WallMicros()) / 1'000'000);
  record.state.epoch = std::max(record.state.epoch + 1, seconds);
  record.state.revision = 0;
  auto controller = std::make_unique<Controller>(store, options, clock, std::move(listener), std::move(record));
  PERENNIAL_RETURN_IF_ERROR(controller->Begin());
  return std::unique_ptr<RolloutController>(std::move(controller));
}

}  // namespace perennial::updater
