#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/clock.h"
#include "storage/base/ids.h"
#include "storage/base/mutex.h"
#include "storage/base/status.h"
#include "storage/base/thread.h"
#include "storage/samples/sample_log.h"
#include "trainer/online_trainer.h"

namespace perennial::trainer {

// What tells the states of a trainer apart that candidates are made of. Value type.
struct TrainedState {
  uint64_t steps = 0;
  uint64_t trained_until = 0;
  uint64_t forgotten_until = 0;
  static TrainedState Of(const TrainerStatus& status) {
    return {status.steps, status.cursor.value, status.forgotten_until.value};
  }
  static TrainedState Of(const EvaluationReport& report) {
    return {report.steps, report.trained_until, report.forgotten_until};
  }
};

// Where finished candidates go: the hub implements it over the publisher and the rollout. All calls come from the
// service's thread, none while a lock of the service is held.
class CandidateSink {
 public:
  virtual ~CandidateSink() = default;
  // False while another version is on trial; the newest accepted candidate then waits in the service.
  virtual bool ReadyForCandidate() = 0;
  // Called for a candidate the gate accepted, and for every candidate made by hand (which the sink may refuse when
  // `candidate.accepted` is false). Returns the version it was published as. A candidate of the same TrainedState as
  // the newest version is that version: it is not published twice (the process was killed between the publication and
  // the trainer's checkpoint, and came to the same state again). An error keeps an accepted candidate for another try,
  // except kFailedPrecondition, which drops it (refused for good).
  virtual Result<VersionId> Offer(const Candidate& candidate, bool by_hand) = 0;
  // The image whose scales the next candidate is quantised with; null for fresh scales.
  virtual std::shared_ptr<const format::VersionImage> FrozenScales() = 0;
  // Name of the scale set when fresh ones are made.
  virtual uint64_t NextScaleSet() = 0;
  struct Predecessor {
    VersionId version;  // 0: none, or the sink does not say
    std::shared_ptr<const format::VersionImage> image;
  };
  // The version that a candidate made of this state would take the place of: the gate compares with it. Not the one that Offer() would recognise as the candidate itself, but the one before it. The default leaves it
  // to the trainer, which takes the candidate published last.
  virtual Predecessor PredecessorOf(const TrainedState& /*state*/) { return {}; }
};

enum class TrainerState : uint8_t { kRunning, kPaused, kFailed };
std::string_view TrainerStateName(TrainerState state);  // "running", "paused", "failed"

// One evaluation, kept for people and plots.
struct EvaluationRecord {
  int64_t time_us = 0;
  uint64_t steps = 0;
  uint64_t samples_trained = 0;
  uint64_t trained_until = 0;
  VersionId version;  // 0: not published (yet)
  bool accepted = false;
  std::string reason;
  EvaluationReport report;
};

struct ServiceOptions {
  uint64_t candidate_every_samples =
      2000;                          // a candidate at each multiple of this many trained samples; and after a flush
  size_t max_eval_per_slice = 1000;  // 0: all held-out samples; with fewer than 1,000 the gate has to allow for chance
  size_t max_eval_at_flush = 0;      // the same at the end of a stream: its figures are the ones that are kept
  size_t history_limit = 10'000;     // oldest records go first
  Duration idle_wait = std::chrono::milliseconds(100);  // longest wait for data before requests are looked at
  Duration retry_after =
      std::chrono::seconds(5);  // after a full disk or an absent peer; other errors wait for Resume()
  // Asked before each piece of work; false: not now, asked again after idle_wait. Empty: always.
  std::function<bool()> may_work;
  // After each piece of work: the CPU time it took on this thread, and whether there was nothing to do.
  std::function<void(Duration spent, bool idle)> on_work;
  // Called without a lock held, on the service's thread (on_state also on that of Pause and Resume).
  std::function<void(const EvaluationRecord&)> on_evaluation;
  std::function<void(TrainerState, const Status&)> on_state;
  Status Validate() const;
};

struct ServiceStatus {
  TrainerState state = TrainerState::kRunning;
  Status error;  // kFailed: why; else the last error that was retried, or ok
  TrainerStatus trainer;
  uint64_t backlog = 0;  // log entries not read yet
  Duration worked{};     // CPU time of the service's thread since it started
};

// Drives one OnlineTrainer on a thread of its own ("trainer"): steps, candidates at fixed sample counts, offers to the
// sink, checkpoint at the end. A service without a sink (a shadow, as naive fine-tuning beside the main one) evaluates
// at the same counts and takes every evaluation as published, so that its forgetting is known. Owned by the hub.
// Thread-safe.
class TrainerService {
 public:
  // REQUIRES `log`, `clock` and `sink` (may be null) outlive the service.
  static Result<std::unique_ptr<TrainerService>> Start(ServiceOptions options, std::unique_ptr<OnlineTrainer> trainer,
                                                       const samples::SampleLog& log, CandidateSink* sink,
                                                       const Clock& clock);
  // Stops as Stop() does.
  ~TrainerService();
  TrainerService(const TrainerService&) = delete;
  TrainerService& operator=(const TrainerService&) = delete;

  // Ends the thread after the step in flight (a network that is trained anew is given up) and checkpoints; the
  // checkpoint's status. Later calls return the same.
  Status Stop();
  void Pause();
  // From paused or failed.
  void Resume();
  // Asks the thread and waits. kDeadlineExceeded leaves the request standing; it is still carried out.
  Status Checkpoint(SteadyTime deadline);
  // Makes a candidate now and offers it as made by hand. kFailedPrecondition when nothing was learned yet.
  Result<EvaluationRecord> PublishNow(SteadyTime deadline);
  ServiceStatus GetStatus() const;
  // Oldest first.
  std::vector<EvaluationRecord> History() const;

 private:
  struct Request;
  struct PendingOffer;
  TrainerService(ServiceOptions options, std::unique_ptr<OnlineTrainer> trainer, const samples::SampleLog& log,
                 CandidateSink* sink, const Clock& clock);

  // On the service's thread (service.cc).
  void Run();
  Status TrainOnce();
  // One piece of work: an offer, a candidate, or a batch. False when there was nothing to do.
  Result<bool> WorkOnce();
  bool CandidateDue() const;
  // Waits until woken, at most idle_wait; after a failure that is retried, until its time.
  void WaitIdle();
  // Until other trainers have had theirs; at most idle_wait.
  void WaitForTurn();
  // Running becomes failed; paused stays paused. Both show the error.
  void HandleError(const Status& error);

  // On the service's thread (service_candidates.cc).
  Result<EvaluationRecord> MakeCandidate(bool by_hand);
  // Of the instant head alone; one that cannot be published now is not kept: the next comes soon.
  Status MakeInstantCandidate();
  Status OfferPending();
  Status Offer(const Candidate& candidate, bool by_hand, EvaluationRecord& record);
  EvaluationRecord RecordOf(const Candidate& candidate) const;
  void Remember(const EvaluationRecord& record);

  // Requests of other threads (service_requests.cc).
  void AnswerRequests();
  Status Ask(const std::shared_ptr<Request>& request, SteadyTime deadline);
  void CancelRequests();

  // Constant after construction.
  const ServiceOptions options_;
  const std::unique_ptr<OnlineTrainer> trainer_;  // used by the thread only, but for GetStatus
  const samples::SampleLog& log_;
  CandidateSink* const sink_;
  const Clock& clock_;

  // The thread's own.
  uint64_t triggers_seen_ = 0;  // multiples of candidate_every_samples already looked at
  std::unique_ptr<PendingOffer> pending_;
  bool idle_ = false;  // the last step found nothing to read

  // Protected by mutex_.
  mutable Mutex mutex_;
  CondVar changed_;
  TrainerState state_ GUARDED_BY(mutex_) = TrainerState::kRunning;
  Status error_ GUARDED_BY(mutex_);
  SteadyTime retry_at_ GUARDED_BY(mutex_){};
  bool retrying_ GUARDED_BY(mutex_) = false;
  bool stopping_ GUARDED_BY(mutex_) = false;
  Status stop_status_ GUARDED_BY(mutex_);
  Duration worked_ GUARDED_BY(mutex_){};
  std::deque<std::shared_ptr<Request>> requests_ GUARDED_BY(mutex_);
  std::deque<EvaluationRecord> history_ GUARDED_BY(mutex_);

  Mutex join_mutex_;  // of Stop(); taken before mutex_
  Thread thread_;
};

}  // namespace perennial::trainer
