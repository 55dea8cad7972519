#include "updater/node_state.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <utility>

namespace perennial::updater {
namespace {

using S = NodeState;
using E = NodeEvent;

// The table once more, written by hand: a change of the code must be a change here.
const std::map<std::pair<S, E>, S> kExpected = {
    {{S::kIdle, E::kWanted}, S::kFetch},
    {{S::kCommitted, E::kWanted}, S::kFetch},
    {{S::kRolledBack, E::kWanted}, S::kFetch},
    {{S::kReported, E::kWanted}, S::kFetch},
    {{S::kFetch, E::kFetched}, S::kStaged},
    {{S::kStaged, E::kDecoded}, S::kVerified},
    {{S::kVerified, E::kPrepared}, S::kWarm},
    {{S::kWarm, E::kTrialBegan}, S::kTrial},
    {{S::kWarm, E::kConfirmed}, S::kCommitted},
    {{S::kTrial, E::kReweighted}, S::kTrial},
    {{S::kTrial, E::kConfirmed}, S::kCommitted},
    {{S::kFetch, E::kObjectFailed}, S::kFetch},
    {{S::kStaged, E::kObjectFailed}, S::kFetch},
    {{S::kFetch, E::kFailed}, S::kRolledBack},
    {{S::kStaged, E::kFailed}, S::kRolledBack},
    {{S::kVerified, E::kFailed}, S::kRolledBack},
    {{S::kWarm, E::kFailed}, S::kRolledBack},
    {{S::kTrial, E::kFailed}, S::kRolledBack},
    {{S::kTrial, E::kReverted}, S::kRolledBack},
    {{S::kCommitted, E::kReportSent}, S::kIdle},
    {{S::kRolledBack, E::kReportSent}, S::kReported},
    {{S::kReported, E::kSettled}, S::kIdle},
};

TEST(NodeState, EveryPairOfStateAndEventIsAsTheTableSays) {
  for (uint8_t s = 0; s < kNodeStates; ++s) {
    for (uint8_t e = 0; e < kNodeEvents; ++e) {
      const auto state = static_cast<S>(s);
      const auto event = static_cast<E>(e);
      const Result<S> next = NextState(state, event);
      const auto expected = kExpected.find({state, event});
      const std::string row = std::string(NodeStateName(state)) + " + " + std::string(NodeEventName(event));
      if (expected == kExpected.end()) {
        EXPECT_EQ(next.status().code(), Code::kFailedPrecondition) << row;
      } else {
        ASSERT_TRUE(next.ok()) << row;
        EXPECT_EQ(*next, expected->second) << row;
      }
    }
  }
}

TEST(NodeState, TheTableHasNoRowTwice) {
  std::set<std::pair<S, E>> seen;
  for (const Transition& row : TransitionTable()) EXPECT_TRUE(seen.insert({row.from, row.event}).second);
  EXPECT_EQ(seen.size(), kExpected.size());
}

TEST(NodeState, EveryStateBeforeServiceCanFailAndEveryStateLeadsBackToRest) {
  for (const S state : {S::kFetch, S::kStaged, S::kVerified, S::kWarm, S::kTrial}) {
    EXPECT_EQ(*NextState(state, E::kFailed), S::kRolledBack);
  }
  for (uint8_t s = 0; s < kNodeStates; ++s) {
    std::set<S> reach = {static_cast<S>(s)};
    for (bool grew = true; grew;) {
      grew = false;
      for (const Transition& row : TransitionTable()) grew |= reach.contains(row.from) && reach.insert(row.to).second;
    }
    EXPECT_TRUE(reach.contains(S::kIdle)) << static_cast<int>(s);
  }
}

TEST(NodeState, NamesAreWhatTheHubShows) {
  EXPECT_EQ(NodeStateName(S::kIdle), "IDLE");
  EXPECT_EQ(NodeStateName(S::kRolledBack), "ROLLED_BACK");
  EXPECT_EQ(NodeStateName(static_cast<S>(99)), "UNKNOWN");
}

}  // namespace
}  // namespace perennial::updater
