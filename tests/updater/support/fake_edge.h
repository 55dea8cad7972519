#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "storage/base/mutex.h"
#include "updater/evidence.h"
#include "updater/update_sink.h"

namespace perennial::updater {

// The serving side as the subscriber sees it, without a model: keeps what it is told, in order, and fails on demand.
// Thread-safe.
class FakeEdge final : public UpdateSink, public Evidence, public FeedbackSink {
 public:
  struct Call {
    std::string verb;
    VersionId version;
    uint32_t permille = 0;
    friend bool operator==(const Call&, const Call&) = default;
  };

  Status Stage(const StagedVersion& staged) override {
    MutexLock lock(mutex_);
    calls_.push_back({"stage", staged.version});
    if (const auto error = stage_errors_.find(staged.version); error != stage_errors_.end()) return error->second;
    if (staged.image->Root() != staged.root) return Corruption("staged image has another root");
    roots_[staged.version] = staged.root;
    return Status::Ok();
  }
  Status Activate(VersionId version, TrialWeight weight) override {
    MutexLock lock(mutex_);
    calls_.push_back({"activate", version, weight.permille});
    trial_ = version;
    return Status::Ok();
  }
  Status Confirm(VersionId version) override {
    MutexLock lock(mutex_);
    calls_.push_back({"confirm", version});
    if (!roots_.contains(version)) return NotFound("not staged");
    stable_ = version;
    if (trial_ == version) trial_ = {};
    return Status::Ok();
  }
  Status Revert(VersionId version) override {
    MutexLock lock(mutex_);
    calls_.push_back({"revert", version});
    if (trial_ != version) return NotFound("not on trial");
    trial_ = {};
    return Status::Ok();
  }
  std::vector<ArmCounts> Counts() const override {
    MutexLock lock(mutex_);
    std::vector<ArmCounts> counts;
    for (const VersionId version : {stable_, trial_}) {
      if (version.value == 0) continue;
      const auto found = counts_.find(version);
      ArmCounts arm = found == counts_.end() ? ArmCounts{} : found->second;
      arm.version = version;
      counts.push_back(arm);
    }
    return counts;
  }
  bool Feedback(const std::string& request_id, const std::string& label) override {
    MutexLock lock(mutex_);
    feedback_[request_id] = label;
    return !unknown_requests_.contains(request_id);
  }

  void SetCounts(const ArmCounts& counts) {
    MutexLock lock(mutex_);
    counts_[counts.version] = counts;
  }
  void FailStage(VersionId version, Status error) {
    MutexLock lock(mutex_);
    stage_errors_[version] = std::move(error);
  }
  void ForgetRequest(const std::string& request_id) {
    MutexLock lock(mutex_);
    unknown_requests_.insert(request_id);
  }
  std::string FeedbackFor(const std::string& request_id) const {
    MutexLock lock(mutex_);
    const auto found = feedback_.find(request_id);
    return found == feedback_.end() ? "" : found->second;
  }
  VersionId stable() const {
    MutexLock lock(mutex_);
    return stable_;
  }
  VersionId trial() const {
    MutexLock lock(mutex_);
    return trial_;
  }
  Hash256 RootOf(VersionId version) const {
    MutexLock lock(mutex_);
    const auto found = roots_.find(version);
    return found == roots_.end() ? Hash256{} : found->second;
  }
  std::vector<Call> Calls() const {
    MutexLock lock(mutex_);
    return calls_;
  }
  bool Called(const std::string& verb, VersionId version) const {
    MutexLock lock(mutex_);
    for (const Call& call : calls_) {
      if (call.verb == verb && call.version == version) return true;
    }
    return false;
  }

 private:
  mutable Mutex mutex_;
  std::vector<Call> calls_ GUARDED_BY(mutex_);
  VersionId stable_ GUARDED_BY(mutex_);
  VersionId trial_ GUARDED_BY(mutex_);
  std::map<VersionId, Hash256> roots_ GUARDED_BY(mutex_);
  std::map<VersionId, ArmCounts> counts_ GUARDED_BY(mutex_);
  std::map<VersionId, Status> stage_errors_ GUARDED_BY(mutex_);
  std::map<std::string, std::string> feedback_ GUARDED_BY(mutex_);
  std::set<std::string> unknown_requests_ GUARDED_BY(mutex_);
};

}  // namespace perennial::updater
