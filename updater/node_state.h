#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "storage/base/status.h"
#include "updater/subscriber.h"

namespace perennial::updater {

// What can happen to the version a node is working on.
enum class NodeEvent : uint8_t {
  kWanted,        // HEAD names a version that this node should run and does not
  kFetched,       // every byte it lacked is in the store (also: it lacked none)
  kDecoded,       // the bytes decode to the signed root
  kObjectFailed,  // this object (a delta, mostly) is of no use; another one is tried in the same attempt
  kPrepared,      // the sink built and warmed the shadow
  kTrialBegan,    // the sink gives it its share of the requests
  kReweighted,    // the share of a running trial changed
  kConfirmed,     // the sink gives it all requests, the slots say so
  kReverted,      // the trial ended without promotion: rolled back, replaced, deadline, not finite
  kFailed,        // anything went wrong, or HEAD moved on, before it served
  kReportSent,    // the hub was told of the outcome
  kSettled,       // nothing more to do for this version
};
std::string_view NodeEventName(NodeEvent event);

struct Transition {
  NodeState from;
  NodeEvent event;
  NodeState to;
};
// All legal moves. What is not a row is refused.
std::span<const Transition> TransitionTable();

// The state after `event`; kFailedPrecondition naming both when the table has no such row. Pure.
Result<NodeState> NextState(NodeState state, NodeEvent event);

inline constexpr uint8_t kNodeStates = 9;
inline constexpr uint8_t kNodeEvents = 12;

}  // namespace perennial::updater
