#include "trainer/service.h"

#include <utility>

#include "storage/base/log.h"
#include "trainer/compute_share.h"
#include "trainer/service_internal.h"

namespace perennial::trainer {
namespace {

// Waits are in the machine's time, whatever clock decides when something is due.
SteadyTime MachineTimeIn(Duration wait) { return SystemClock().In(wait); }

}  // namespace

std::string_view TrainerStateName(TrainerState state) {
  switch (state) {
    case TrainerState::kRunning:
      return "running";
    case TrainerState::kPaused:
      return "paused";
    case TrainerState::kFailed:
      return "failed";
  }
  return "failed";
}

Status ServiceOptions::Validate() const {
  if (candidate_every_samples == 0) return InvalidArgument("candidate_every_samples is 0");
  if (history_limit == 0) return InvalidArgument("history_limit is 0");
  if (idle_wait <= Duration::zero()) return InvalidArgument("idle_wait is not above 0");
  if (retry_after < Duration::zero()) return InvalidArgument("retry_after is below 0");
  return Status::Ok();
}

Result<std::unique_ptr<TrainerService>> TrainerService::Start(ServiceOptions options,
                                                              std::unique_ptr<OnlineTrainer> trainer,
                                                              const samples::SampleLog& log, CandidateSink* sink,
                                                              const Clock& clock) {
  PERENNIAL_RETURN_IF_ERROR(options.Validate());
  std::unique_ptr<TrainerService> service(new TrainerService(std::move(options), std::move(trainer), log, sink, clock));
  service->thread_ = Thread("trainer", [raw = service.get()] { raw->Run(); });
  return service;
}

TrainerService::TrainerService(ServiceOptions options, std::unique_ptr<OnlineTrainer> trainer,
                               const samples::SampleLog& log, CandidateSink* sink, const Clock& clock)
    : options_(std::move(options)), trainer_(std::move(trainer)), log_(log), sink_(sink), clock_(clock) {
  triggers_seen_ = trainer_->GetStatus().samples_trained / options_.candidate_every_samples;
}

TrainerService::~TrainerService() {
  if (const Status stopped = Stop(); !stopped.ok()) log::Error("trainer_stop", {{"error", stopped.ToString()}});
}

void TrainerService::Run() {
  if (sink_ != nullptr) {
    if (auto now = sink_->PredecessorOf(TrainedState::Of(trainer_->GetStatus())); now.image != nullptr) {
      trainer_->SetPublished(std::move(now.image));
    }
  }
  for (;;) {
    AnswerRequests();
    bool train = false;
    {
      MutexLock lock(mutex_);
      if (stopping_) break;
      train = state_ == TrainerState::kRunning;
    }
    if (!train) {
      // A pause holds back learning, not what was learned.
      if (const Status offered = OfferPending(); !offered.ok()) HandleError(offered);
      WaitIdle();
      continue;
    }
    if (const Status trained = TrainOnce(); !trained.ok()) HandleError(trained);
  }
  const Status saved = trainer_->Checkpoint();
  {
    MutexLock lock(mutex_);
    stop_status_ = saved;
  }
  CancelRequests();
}

Status TrainerService::TrainOnce() {
  if (options_.may_work && !options_.may_work()) {
    WaitForTurn();
    return Status::Ok();
  }
  const Duration before = ThreadCpuTime();
  const Result<bool> done = WorkOnce();
  const Duration spent = ThreadCpuTime() - before;
  {
    MutexLock lock(mutex_);
    worked_ += spent;
  }
  if (options_.on_work) options_.on_work(spent, done.ok() && !*done);
  // A candidate that takes long gives way to the end of the service.
  return done.status().code() == Code::kCancelled ? Status::Ok() : done.status();
}

Result<bool> TrainerService::WorkOnce() {
  PERENNIAL_RETURN_IF_ERROR(OfferPending());
  if (CandidateDue()) {
    const uint64_t triggers = trainer_->GetStatus().samples_trained / options_.candidate_every_samples;
    PERENNIAL_RETURN_IF_ERROR(MakeCandidate(false).status());
    triggers_seen_ = triggers;  // one that failed is tried again
    return true;
  }
  // What waits to be published knows more than a head.
  const bool may = sink_ != nullptr && pending_ == nullptr;
  if (may && trainer_->InstantDue(idle_) && sink_->ReadyForCandidate()) {
    PERENNIAL_RETURN_IF_ERROR(MakeInstantCandidate());
    return true;
  }
  PERENNIAL_ASSIGN_OR_RETURN(const OnlineTrainer::StepOutcome outcome,
                             trainer_->Step(MachineTimeIn(options_.idle_wait)));
  idle_ = outcome == OnlineTrainer::StepOutcome::kNoData;
  return !idle_;
}

void TrainerService::WaitForTurn() {
  MutexLock lock(mutex_);
  if (requests_.empty() && !stopping_) changed_.WaitUntil(mutex_, MachineTimeIn(options_.idle_wait));
}

bool TrainerService::CandidateDue() const {
  const TrainerStatus status = trainer_->GetStatus();
  return status.flush_due || status.samples_trained / options_.candidate_every_samples > triggers_seen_;
}

void TrainerService::WaitIdle() {
  bool again = false;
  {
    MutexLock lock(mutex_);
    const SteadyTime deadline = MachineTimeIn(options_.idle_wait);
    if (requests_.empty() && !stopping_ && state_ != TrainerState::kRunning) changed_.WaitUntil(mutex_, deadline);
    again = state_ == TrainerState::kFailed && retrying_ && clock_.Now() >= retry_at_;
    if (again) state_ = TrainerState::kRunning;
  }
  if (again && options_.on_state) options_.on_state(TrainerState::kRunning, Status::Ok());
}

void TrainerService::HandleError(const Status& error) {
  log::Error("trainer_failed", {{"error", error.ToString()}});
  TrainerState state;
  {
    MutexLock lock(mutex_);
    // Visible until the operator resumes by hand, even when a retry went well.
    error_ = error;
    // A pause that came while the step failed stays one: it must not end by a retry.
    if (state_ == TrainerState::kRunning) {
      state_ = TrainerState::kFailed;
      // Room on the disk may come back, a broken invariant does not.
      retrying_ = error.code() == Code::kResourceExhausted || error.code() == Code::kUnavailable;
      retry_at_ = clock_.In(options_.retry_after);
    }
    state = state_;
    changed_.NotifyAll();
  }
  if (options_.on_state) options_.on_state(state, error);
}

}  // namespace perennial::trainer
