#include "updater/transport/node_plan.h"

namespace perennial::transport {
namespace {

using Step = NodePlan::Step;

bool Is(const std::optional<SlotEntry>& entry, VersionId version, const Hash256& manifest_hash) {
  return entry.has_value() && entry->version == version && entry->manifest_hash == manifest_hash;
}

// Forward only, against the stable version.
NodePlan Install(const NodeSlots& slots, Step step, VersionId version, const Hash256& hash, uint32_t weight) {
  const std::optional<SlotEntry>& stable = slots.stable();
  if (stable.has_value() && version <= stable->version) {
    const std::string asked = "HEAD asks for version " + version.ToString();
    return {Step::kRefuse, version, hash, 0,
            version == stable->version
                ? asked + " with other content than the one this node runs: two hubs published it"
                : asked + ", older than version " + stable->version.ToString() + " that this node runs"};
  }
  return {step, version, hash, weight, {}};
}

}  // namespace

NodePlan PlanNext(const NodeSlots& slots, uint32_t trial_weight, const Head& head) {
  const updater::RolloutState& want = head.rollout;
  const std::optional<SlotEntry> trial = slots.trial();
  const auto end_trial = [&trial](std::string reason) {
    return NodePlan{Step::kEndTrial, trial->version, trial->manifest_hash, 0, std::move(reason)};
  };

  const bool stable_wanted = want.stable.value != 0 && !Is(slots.stable(), want.stable, head.stable_manifest);
  if (stable_wanted && Is(trial, want.stable, head.stable_manifest)) {
    return {Step::kPromote, want.stable, head.stable_manifest, 1000, {}};
  }
  if (stable_wanted && slots.Refused(want.stable, head.stable_manifest) == nullptr) {
    if (trial.has_value()) return end_trial("replaced by stable version " + want.stable.ToString());
    return Install(slots, Step::kInstallStable, want.stable, head.stable_manifest, 1000);
  }

  if (want.candidate.value == 0) {
    return trial.has_value() ? end_trial("rolled back by the hub") : NodePlan{};
  }
  if (Is(trial, want.candidate, head.candidate_manifest)) {
    if (trial_weight == want.weight_permille) return {};
    return {Step::kReweight, want.candidate, head.candidate_manifest, want.weight_permille, {}};
  }
  if (trial.has_value()) return end_trial("replaced by candidate " + want.candidate.ToString());
  // A trial needs a stable version beside it.
  if (!slots.stable().has_value() || slots.Refused(want.candidate, head.candidate_manifest) != nullptr) return {};
  return Install(slots, Step::kInstallTrial, want.candidate, head.candidate_manifest, want.weight_permille);
}

}  // namespace perennial::transport
