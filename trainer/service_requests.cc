#include <utility>

#include "trainer/service_internal.h"

namespace perennial::trainer {

void TrainerService::AnswerRequests() {
  for (;;) {
    std::shared_ptr<Request> request;
    {
      MutexLock lock(mutex_);
      if (requests_.empty() || stopping_) return;
      request = requests_.front();
      requests_.pop_front();
    }
    Status status;
    EvaluationRecord record;
    if (request->kind == Request::Kind::kCheckpoint) {
      status = trainer_->Checkpoint();
    } else {
      Result<EvaluationRecord> made = MakeCandidate(true);
      status = made.status();
      if (made.ok()) record = std::move(*made);
    }
    MutexLock lock(mutex_);
    request->status = status;
    request->record = std::move(record);
    request->done = true;
    changed_.NotifyAll();
  }
}

Status TrainerService::Ask(const std::shared_ptr<Request>& request, SteadyTime deadline) {
  MutexLock lock(mutex_);
  if (stopping_) return Cancelled("the trainer is stopping");
  requests_.push_back(request);
  changed_.NotifyAll();
  while (!request->done) {
    if (!changed_.WaitUntil(mutex_, deadline) && !request->done) {
      return DeadlineExceeded("the trainer did not get to it in time; it will still be done");
    }
  }
  return request->status;
}

void TrainerService::CancelRequests() {
  MutexLock lock(mutex_);
  for (const std::shared_ptr<Request>& request : requests_) {
    request->status = Cancelled("the trainer is stopping");
    request->done = true;
  }
  requests_.clear();
  changed_.NotifyAll();
}

Status TrainerService::Checkpoint(SteadyTime deadline) {
  auto request = std::make_shared<Request>();
  request->kind = Request::Kind::kCheckpoint;
  return Ask(request, deadline);
}

Result<EvaluationRecord> TrainerService::PublishNow(SteadyTime deadline) {
  auto request = std::make_shared<Request>();
  request->kind = Request::Kind::kPublish;
  PERENNIAL_RETURN_IF_ERROR(Ask(request, deadline));
  MutexLock lock(mutex_);
  return request->record;
}

void TrainerService::Pause() {
  {
    MutexLock lock(mutex_);
    if (state_ == TrainerState::kPaused) return;
    state_ = TrainerState::kPaused;
    retrying_ = false;
    changed_.NotifyAll();
  }
  if (options_.on_state) options_.on_state(TrainerState::kPaused, Status::Ok());
}

void TrainerService::Resume() {
  {
    MutexLock lock(mutex_);
    if (state_ == TrainerState::kRunning) return;
    state_ = TrainerState::kRunning;
    error_ = Status::Ok();
    retrying_ = false;
    changed_.NotifyAll();
  }
  if (options_.on_state) options_.on_state(TrainerState::kRunning, Status::Ok());
}

Status TrainerService::Stop() {
  MutexLock join(join_mutex_);
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  trainer_->Interrupt();
  thread_.Join();
  MutexLock lock(mutex_);
  return stop_status_;
}

ServiceStatus TrainerService::GetStatus() const {
  ServiceStatus status;
  status.trainer = trainer_->GetStatus();
  const uint64_t end = log_.End().value;
  status.backlog = end > status.trainer.cursor.value ? end - status.trainer.cursor.value : 0;
  MutexLock lock(mutex_);
  status.state = state_;
  status.error = error_;
  status.worked = worked_;
  return status;
}

std::vector<EvaluationRecord> TrainerService::History() const {
  MutexLock lock(mutex_);
  return {history_.begin(), history_.end()};
}

}  // namespace perennial::trainer
