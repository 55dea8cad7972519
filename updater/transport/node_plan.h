#pragma once

#include <cstdint>
#include <string>

#include "storage/base/hash.h"
#include "storage/base/ids.h"
#include "updater/transport/head.h"
#include "updater/transport/node_slots.h"

namespace perennial::transport {

// What a node does next to follow HEAD. Value type.
struct NodePlan {
  enum class Step {
    kNothing,
    kInstallStable,  // fetch `version`, serve everything with it
    kInstallTrial,   // fetch `version`, begin its trial
    kPromote,        // the trial version becomes stable
    kReweight,       // the trial's share changed
    kEndTrial,       // back to the stable version
    kRefuse,         // HEAD asks for what a node never does
  };
  Step step = Step::kNothing;
  VersionId version;
  Hash256 manifest_hash;
  uint32_t weight_permille = 0;
  std::string reason;
};

// Pure: the next step from what the node runs (its slots, the share its trial has now) and what HEAD says. Versions
// only go forward: an older one, or the same number with other bytes, is refused; a rollback comes as a new number with
// the old content.
NodePlan PlanNext(const NodeSlots& slots, uint32_t trial_weight, const Head& head);

}  // namespace perennial::transport
