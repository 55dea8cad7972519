#include "updater/node_state.h"

#include <array>
#include <string>

namespace perennial::updater {
namespace {

using S = NodeState;
using E = NodeEvent;

// The node's whole life with a version. Read it as: in state, on event, go to state.
constexpr Transition kTable[] = {
    // At rest, and right after an outcome, a new version may be wanted.
    {S::kIdle, E::kWanted, S::kFetch},
    {S::kCommitted, E::kWanted, S::kFetch},
    {S::kRolledBack, E::kWanted, S::kFetch},
    {S::kReported, E::kWanted, S::kFetch},
    // Towards service.
    {S::kFetch, E::kFetched, S::kStaged},
    {S::kStaged, E::kDecoded, S::kVerified},
    {S::kVerified, E::kPrepared, S::kWarm},
    {S::kWarm, E::kTrialBegan, S::kTrial},
    {S::kWarm, E::kConfirmed, S::kCommitted},
    {S::kTrial, E::kReweighted, S::kTrial},
    {S::kTrial, E::kConfirmed, S::kCommitted},
    // An object that cannot be fetched or does not give the signed root: the next one, same attempt.
    {S::kFetch, E::kObjectFailed, S::kFetch},
    {S::kStaged, E::kObjectFailed, S::kFetch},
    // Every failure edge.
    {S::kFetch, E::kFailed, S::kRolledBack},
    {S::kStaged, E::kFailed, S::kRolledBack},
    {S::kVerified, E::kFailed, S::kRolledBack},
    {S::kWarm, E::kFailed, S::kRolledBack},
    {S::kTrial, E::kFailed, S::kRolledBack},
    {S::kTrial, E::kReverted, S::kRolledBack},
    // The hub hears of every outcome once.
    {S::kCommitted, E::kReportSent, S::kIdle},
    {S::kRolledBack, E::kReportSent, S::kReported},
    {S::kReported, E::kSettled, S::kIdle},
};

constexpr std::array<std::string_view, kNodeStates> kStateNames = {
    "IDLE", "FETCH", "STAGED", "VERIFIED", "WARM", "TRIAL", "COMMITTED", "ROLLED_BACK", "REPORTED"};
constexpr std::array<std::string_view, kNodeEvents> kEventNames = {
    "wanted",     "fetched",   "decoded",  "object_failed", "prepared",    "trial_began",
    "reweighted", "confirmed", "reverted", "failed",        "report_sent", "settled"};

}  // namespace

std::string_view NodeStateName(NodeState state) {
  const auto index = static_cast<size_t>(state);
  return index < kStateNames.size() ? kStateNames[index] : "UNKNOWN";
}

std::string_view NodeEventName(NodeEvent event) {
  const auto index = static_cast<size_t>(event);
  return index < kEventNames.size() ? kEventNames[index] : "unknown";
}

std::span<const Transition> TransitionTable() { return kTable; }

Result<NodeState> NextState(NodeState state, NodeEvent event) {
  for (const Transition& row : kTable) {
    if (row.from == state && row.event == event) return row.to;
  }
  return FailedPrecondition("node state " + std::string(NodeStateName(state)) + " does not take event " +
                            std::string(NodeEventName(event)));
}

}  // namespace perennial::updater
