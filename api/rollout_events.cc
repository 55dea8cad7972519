#include "api/rollout_events.h"

#include <tuple>

namespace perennial::api {

void RolloutEvents::Attach(const updater::RolloutController* rollout, updater::UpdateServer* server) {
  MutexLock lock(mutex_);
  rollout_ = rollout;
  server_ = server;
  if (rollout != nullptr) last_ = rollout->State();
}

void RolloutEvents::OnState(const updater::RolloutState& state) {
  MutexLock lock(mutex_);
  if (rollout_ == nullptr) return;
  if (std::tie(state.epoch, state.revision) <= std::tie(last_.epoch, last_.revision)) return;
  if (server_ != nullptr) server_->Announce(state);
  const updater::RolloutState before = last_;
  last_ = state;
  Tell(before, state);
}

void RolloutEvents::Tell(const updater::RolloutState& before, const updater::RolloutState& now) {
  const bool stable_changed = now.stable != before.stable;
  if (stable_changed) {
    events_.Publish(
        "promoted",
        {{"version", now.stable.value}, {"previous", before.stable.value}, {"reason", ReasonOf(now.stable)}});
  }
  const bool trial_ended = before.candidate.value != 0 && now.candidate != before.candidate;
  if (trial_ended && before.candidate != now.stable) {
    events_.Publish(
        "rolled_back",
        {{"version", before.candidate.value}, {"stable", now.stable.value}, {"reason", ReasonOf(before.candidate)}});
  }
  if (now.candidate.value != 0 && now.candidate != before.candidate) {
    events_.Publish("trial_started", {{"version", now.candidate.value},
                                      {"stable", now.stable.value},
                                      {"weight_permille", static_cast<uint64_t>(now.weight_permille)}});
  }
}

std::string RolloutEvents::ReasonOf(VersionId version) const {
  const auto history = rollout_->History();
  for (auto event = history.rbegin(); event != history.rend(); ++event) {
    if (event->version == version) return event->reason;
  }
  return {};
}

}  // namespace perennial::api
