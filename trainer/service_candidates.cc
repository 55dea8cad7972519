#include <algorithm>
#include <utility>

#include "storage/base/log.h"
#include "trainer/service_internal.h"

namespace perennial::trainer {

Result<EvaluationRecord> TrainerService::MakeCandidate(bool by_hand) {
  const std::shared_ptr<const format::VersionImage> frozen = sink_ == nullptr ? nullptr : sink_->FrozenScales();
  const uint64_t new_scale_set = sink_ == nullptr ? 1 : sink_->NextScaleSet();
  const bool at_flush = trainer_->GetStatus().flush_due;
  CandidateSink::Predecessor predecessor;
  if (sink_ != nullptr) predecessor = sink_->PredecessorOf(TrainedState::Of(trainer_->GetStatus()));
  if (predecessor.image != nullptr) trainer_->SetPublished(predecessor.image);
  PERENNIAL_ASSIGN_OR_RETURN(Candidate candidate, trainer_->MakeCandidate(frozen.get(), new_scale_set,
                                                                          at_flush ? options_.max_eval_at_flush
                                                                                   : options_.max_eval_per_slice));
  EvaluationRecord record = RecordOf(candidate);
  Status offered;
  if (sink_ == nullptr) {
    trainer_->Published(candidate, VersionId{});
  } else if (by_hand) {
    offered = Offer(candidate, true, record);
    if (offered.ok()) pending_.reset();  // what waited is older
  }
  // What a flush asked for waits too when its candidate happened to be made by hand and found a trial running.
  const bool owed = by_hand ? at_flush && !offered.ok() : sink_ != nullptr;
  if (owed && candidate.accepted) {
    // A newer candidate takes the place of one that still waits.
    pending_ = std::make_unique<PendingOffer>(PendingOffer{std::move(candidate), record, predecessor.version, {}});
    trainer_->SetPublishOwed(true);
  }
  Remember(record);
  if (pending_ != nullptr && !by_hand) {
    offered = OfferPending();
    if (pending_ == nullptr) {
      MutexLock lock(mutex_);
      record = history_.back();  // now with its version
    }
  }
  if (options_.on_evaluation) options_.on_evaluation(record);
  if (!offered.ok()) return offered;
  return record;
}

EvaluationRecord TrainerService::RecordOf(const Candidate& candidate) const {
  const TrainerStatus status = trainer_->GetStatus();
  EvaluationRecord record;
  record.time_us = clock_.WallMicros();
  record.steps = status.steps;
  record.samples_trained = status.samples_trained;
  record.trained_until = candidate.report.trained_until;
  record.accepted = candidate.accepted;
  record.reason = candidate.reason;
  record.report = candidate.report;
  return record;
}

Status TrainerService::MakeInstantCandidate() {
  if (auto now = sink_->PredecessorOf(TrainedState::Of(trainer_->GetStatus())); now.image != nullptr) {
    trainer_->SetPublished(std::move(now.image));
  }
  const auto candidate = trainer_->MakeInstantCandidate(options_.max_eval_per_slice);
  if (!candidate.ok()) {
    // What is published cannot take a head (yet); the network's next candidate brings it.
    if (candidate.status().code() != Code::kFailedPrecondition) return candidate.status();
    log::Warn("instant_candidate_not_made", {{"error", candidate.status().ToString()}});
    return Status::Ok();
  }
  EvaluationRecord record = RecordOf(*candidate);
  if (candidate->accepted) {
    const Result<VersionId> version = sink_->Offer(*candidate, false);
    if (version.ok()) {
      record.version = *version;
      trainer_->Published(*candidate, *version);
    } else {
      log::Warn("instant_candidate_not_published", {{"error", version.status().ToString()}});
      MutexLock lock(mutex_);
      error_ = version.status();
    }
  }
  Remember(record);
  if (options_.on_evaluation) options_.on_evaluation(record);
  return Status::Ok();
}

Status TrainerService::OfferPending() {
  if (pending_ == nullptr || clock_.Now() < pending_->not_before || !sink_->ReadyForCandidate()) {
    return Status::Ok();
  }
  const EvaluationReport& report = pending_->candidate.report;
  const bool forgot = report.forgotten_until != trainer_->GetStatus().forgotten_until.value;
  if (forgot || sink_->PredecessorOf(TrainedState::Of(report)).version != pending_->predecessor) {
    // It holds a source that was forgotten since, or the gate compared it with a version whose trial failed, or that an
    // operator has left since.
    log::Info("candidate_made_again", {{"trained_until", report.trained_until}});
    pending_.reset();
    const Status made = MakeCandidate(false).status();
    // Owed until then: one that failed is made again after a restart.
    if (made.ok() && pending_ == nullptr) trainer_->SetPublishOwed(false);
    return made;
  }
  const Status offered = Offer(pending_->candidate, false, pending_->record);
  if (offered.ok()) {
    pending_.reset();
    return offered;
  }
  if (offered.code() == Code::kFailedPrecondition) {
    pending_.reset();
    trainer_->SetPublishOwed(false);
  } else {
    pending_->not_before = clock_.In(options_.retry_after);
  }
  // Publishing failed, learning did not: it goes on, and the error is shown.
  log::Warn("candidate_not_published", {{"error", offered.ToString()}});
  MutexLock lock(mutex_);
  error_ = offered;
  return Status::Ok();
}

Status TrainerService::Offer(const Candidate& candidate, bool by_hand, EvaluationRecord& record) {
  PERENNIAL_ASSIGN_OR_RETURN(const VersionId version, sink_->Offer(candidate, by_hand));
  record.version = version;
  {
    MutexLock lock(mutex_);
    for (auto at = history_.rbegin(); at != history_.rend(); ++at) {
      if (at->steps != record.steps || at->time_us != record.time_us) continue;
      at->version = version;
      break;
    }
  }
  trainer_->Published(candidate, version);
  // The gate's reference must not be older than what nodes run.
  const Status saved = trainer_->Checkpoint();
  if (!saved.ok()) HandleError(saved);
  return Status::Ok();
}

void TrainerService::Remember(const EvaluationRecord& record) {
  MutexLock lock(mutex_);
  history_.push_back(record);
  while (history_.size() > options_.history_limit) history_.pop_front();
}

}  // namespace perennial::trainer
