#include "updater/transport/node_driver.h"

#include <algorithm>

#include "storage/base/log.h"

namespace perennial::transport {
namespace {

using updater::NodeEvent;
using updater::NodeState;

constexpr std::chrono::milliseconds kFirstBackoff{500};
constexpr std::chrono::milliseconds kLongestBackoff{60'000};
constexpr std::chrono::milliseconds kShortestLook{20};

}  // namespace

NodeDriver::NodeDriver(const updater::SubscriberOptions& options, const trust::NodeBundle& bundle,
                       versions::VersionStore& store, updater::UpdateSink& sink, updater::Evidence* evidence,
                       const Clock& clock, NodeVitals& vitals, NodeSlots slots)
    : options_(options),
      verifier_({bundle.release_key}, 1),
      store_(store),
      sink_(sink),
      evidence_(evidence),
      clock_(clock),
      vitals_(vitals),
      slots_(std::move(slots)),
      keeper_(store),
      jitter_(static_cast<uint64_t>(clock.WallMicros()), std::hash<std::string>{}(bundle.name) + 1) {}

void NodeDriver::Run(NodeLink& link) {
  link_ = &link;
  const Duration look = std::max<Duration>(options_.report_interval, kShortestLook);
  for (;;) {
    const std::optional<LinkEvent> event = link.Next(std::chrono::steady_clock::now() + look);
    if (event.has_value() && event->kind == LinkEvent::Kind::kStop) break;
    if (event.has_value()) OnEvent(*event);
    WatchTrial();
    Follow();
  }
  if (const Status stopped = slots_.MarkStopped(); !stopped.ok()) {
    log::Warn("update.stop_not_stored", {{"error", stopped.ToString()}});
  }
}

void NodeDriver::OnEvent(const LinkEvent& event) {
  // The outcome was told: the table's way back to rest. A report that left before the outcome does not count.
  if (event.kind != LinkEvent::Kind::kReported || event.state != state_) return;
  if (state_ != NodeState::kCommitted && state_ != NodeState::kRolledBack) return;
  if (!Fire(NodeEvent::kReportSent).ok()) return;
  if (state_ == NodeState::kReported) (void)Fire(NodeEvent::kSettled);
}

void NodeDriver::Follow() {
  const std::optional<Head> head = link_->Latest();
  if (!head.has_value()) return;
  if (const Status saved = slots_.SaveFence({head->rollout.epoch, head->rollout.revision}); !saved.ok()) Fail(saved);
  ShowRefusal(*head);
  const NodePlan plan = PlanNext(slots_, trial_weight_, *head);
  if (!Waiting(plan)) Carry(plan);
}

void NodeDriver::Carry(const NodePlan& plan) {
  switch (plan.step) {
    case NodePlan::Step::kNothing:
      break;
    case NodePlan::Step::kInstallStable:
    case NodePlan::Step::kInstallTrial:
      Install(plan);
      break;
    case NodePlan::Step::kPromote:
      Promote(plan);
      break;
    case NodePlan::Step::kReweight:
      Reweight(plan);
      break;
    case NodePlan::Step::kEndTrial:
      EndTrial(plan.reason, false);
      break;
    case NodePlan::Step::kRefuse:
      Fail(FailedPrecondition(plan.reason));
      break;
  }
}

void NodeDriver::WatchTrial() {
  const std::optional<SlotEntry> trial = slots_.trial();
  if (!trial.has_value()) return;
  if (clock_.Now() - trial_began_ >= options_.trial_deadline) {
    EndTrial("the trial's deadline passed without a verdict of the hub", true);
    return;
  }
  if (evidence_ == nullptr) return;
  for (const updater::ArmCounts& arm : evidence_->Counts()) {
    if (arm.version != trial->version || arm.nan_outputs == 0) continue;
    vitals_.SetFinalCounts(arm);
    EndTrial(std::to_string(arm.nan_outputs) + " answers were not finite", true);
    return;
  }
}

void NodeDriver::Promote(const NodePlan& plan) {
  const std::optional<SlotEntry> trial = slots_.trial();
  if (!trial.has_value()) return;
  if (const Status committed = Commit(*trial); !committed.ok()) {
    Fail(committed.WithContext("promote version " + plan.version.ToString()));
    BackOff(plan);
  }
}

void NodeDriver::Reweight(const NodePlan& plan) {
  const Status done = sink_.Activate(plan.version, {plan.weight_permille});
  if (!done.ok()) {
    Fail(done.WithContext("change the share of version " + plan.version.ToString()));
    BackOff(plan);
    return;
  }
  trial_weight_ = plan.weight_permille;
  (void)Fire(NodeEvent::kReweighted);
}

void NodeDriver::EndTrial(const std::string& reason, bool refuse) {
  const SlotEntry trial = *slots_.trial();
  // The pointer first: every request it still gets is one too many.
  const Status reverted = sink_.Revert(trial.version);
  if (!reverted.ok() && reverted.code() != Code::kNotFound) {
    Fail(reverted.WithContext("end the trial of version " + trial.version.ToString()));
    return;
  }
  std::optional<RefusedVersion> refused;
  if (refuse) refused = RefusedVersion{trial.version, trial.manifest_hash, reason};
  if (const Status stored = slots_.EndTrial(refused); !stored.ok()) Fail(stored);
  log::Info("update.trial_ended", {{"version", trial.version.value}, {"reason", reason}});
  trial_weight_ = 0;
  ShowVersions();
  if (refuse) Fail(FailedPrecondition("version " + trial.version.ToString() + " is refused: " + reason));
  if (const std::optional<Head> head = link_->Latest()) ShowRefusal(*head);
  (void)Fire(NodeEvent::kReverted);
  keeper_.Collect(slots_.Residents());
}

Status NodeDriver::Fire(NodeEvent event) {
  const Result<NodeState> next = updater::NextState(state_, event);
  if (!next.ok()) {
    log::Error("update.illegal_move", {{"error", next.status().ToString()}});
    return next.status();
  }
  state_ = *next;
  vitals_.SetState(state_);
  if (link_ != nullptr) link_->ReportNow();
  return Status::Ok();
}

void NodeDriver::ShowVersions() {
  const std::optional<SlotEntry>& stable = slots_.stable();
  const std::optional<SlotEntry> trial = slots_.trial();
  vitals_.SetVersions(stable.has_value() ? stable->version : VersionId{},
                      trial.has_value() ? trial->version : VersionId{});
}

void NodeDriver::Fail(const Status& error) {
  if (vitals_.SetError(error.ToString())) log::Warn("update.failed", {{"error", error.ToString()}});
}

void NodeDriver::ShowRefusal(const Head& head) {
  const RefusedVersion* refused = slots_.Refused(head.rollout.candidate, head.candidate_manifest);
  if (refused == nullptr) {
    vitals_.SetRefusal(std::nullopt);
    return;
  }
  vitals_.SetRefusal(Refusal{refused->version, refused->reason});
}

bool NodeDriver::Waiting(const NodePlan& plan) {
  if (plan.version != backed_off_.version || plan.manifest_hash != backed_off_.manifest_hash) return false;
  return clock_.Now() < backed_off_.until;
}

void NodeDriver::BackOff(const NodePlan& plan) {
  if (plan.version != backed_off_.version || plan.manifest_hash != backed_off_.manifest_hash) {
    backed_off_ = {plan.version, plan.manifest_hash, 0, {}};
  }
  const Duration wait =
      std::min<Duration>(kFirstBackoff * (1u << std::min(backed_off_.failures, 10u)), kLongestBackoff);
  ++backed_off_.failures;
  backed_off_.until = clock_.Now() + std::chrono::duration_cast<Duration>(wait * jitter_.Uniform(0.5, 1.5));
}

}  // namespace perennial::transport
