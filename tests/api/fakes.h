#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "api/trainer_control.h"
#include "storage/base/mutex.h"
#include "updater/update_server.h"

namespace perennial::api {

// An update plane without sockets: shows the nodes it is given and remembers what it was asked.
class FakeUpdateServer final : public updater::UpdateServer {
 public:
  std::string announce_endpoint() const override { return "tcp://127.0.0.1:1"; }
  std::string bulk_endpoint() const override { return "tcp://127.0.0.1:2"; }
  void Announce(const updater::RolloutState& state) override {
    MutexLock lock(mutex_);
    announced_.push_back(state);
  }
  std::vector<updater::NodeStatus> Nodes() const override {
    MutexLock lock(mutex_);
    return nodes_;
  }
  Status ForwardFeedback(const std::string& request_id, const std::string& label, Duration) override {
    MutexLock lock(mutex_);
    if (feedback_status_.ok()) feedback_.emplace_back(request_id, label);
    return feedback_status_;
  }

  void SetNodes(std::vector<updater::NodeStatus> nodes) {
    MutexLock lock(mutex_);
    nodes_ = std::move(nodes);
  }
  void SetFeedbackStatus(Status status) {
    MutexLock lock(mutex_);
    feedback_status_ = std::move(status);
  }
  std::vector<updater::RolloutState> announced() const {
    MutexLock lock(mutex_);
    return announced_;
  }
  std::vector<std::pair<std::string, std::string>> feedback() const {
    MutexLock lock(mutex_);
    return feedback_;
  }

 private:
  mutable Mutex mutex_;
  std::vector<updater::RolloutState> announced_;
  std::vector<updater::NodeStatus> nodes_;
  std::vector<std::pair<std::string, std::string>> feedback_;
  Status feedback_status_;
};

// A trainer that does nothing but what it is told to say.
class FakeTrainer final : public TrainerControl, public Evaluations {
 public:
  TrainerView Main() const override {
    MutexLock lock(mutex_);
    return main_;
  }
  std::map<std::string, TrainerView> Shadows() const override {
    MutexLock lock(mutex_);
    return shadows_;
  }
  Status Pause() override { return Become("paused"); }
  Status Resume() override { return Become("running"); }
  Status Checkpoint() override {
    MutexLock lock(mutex_);
    return verb_status_;
  }
  Status RequestPublish() override {
    MutexLock lock(mutex_);
    return verb_status_;
  }
  Status DropIdleTrainers() override {
    MutexLock lock(mutex_);
    return verb_status_;
  }
  std::map<std::string, std::vector<EvaluationRecord>> Records() const override {
    MutexLock lock(mutex_);
    return records_;
  }
  Result<std::optional<FlipList>> Flips(VersionId version) const override {
    MutexLock lock(mutex_);
    const auto at = flips_.find(version);
    return at == flips_.end() ? std::optional<FlipList>() : std::optional<FlipList>(at->second);
  }

  Status ForgetFlips(const std::vector<Offset>& offsets) override {
    MutexLock lock(mutex_);
    forgotten_flips_ = offsets;
    return Status::Ok();
  }
  std::vector<Offset> forgotten_flips() const {
    MutexLock lock(mutex_);
    return forgotten_flips_;
  }
  void SetFlips(VersionId version, FlipList flips) {
    MutexLock lock(mutex_);
    flips_[version] = std::move(flips);
  }
  void SetMain(TrainerView view) {
    MutexLock lock(mutex_);
    main_ = std::move(view);
  }
  void SetShadow(const std::string& name, TrainerView view) {
    MutexLock lock(mutex_);
    shadows_[name] = std::move(view);
  }
  void SetVerbStatus(Status status) {
    MutexLock lock(mutex_);
    verb_status_ = std::move(status);
  }
  void SetRecords(std::map<std::string, std::vector<EvaluationRecord>> records) {
    MutexLock lock(mutex_);
    records_ = std::move(records);
  }

 private:
  Status Become(const char* state) {
    MutexLock lock(mutex_);
    if (verb_status_.ok()) main_.state = state;
    return verb_status_;
  }

  mutable Mutex mutex_;
  TrainerView main_;
  std::map<VersionId, FlipList> flips_;
  std::vector<Offset> forgotten_flips_;
  std::map<std::string, TrainerView> shadows_;
  Status verb_status_;
  std::map<std::string, std::vector<EvaluationRecord>> records_;
};

}  // namespace perennial::api
