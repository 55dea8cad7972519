#include "replay/replay_policy.h"

#include "replay/class_balanced_policy.h"
#include "replay/herding_policy.h"
#include "replay/none_policy.h"
#include "replay/reservoir_policy.h"

namespace perennial::replay {

std::unique_ptr<const ReplayPolicy> MakePolicy(ReplayOptions::Policy policy, const FeatureTable& features) {
  switch (policy) {
    case ReplayOptions::Policy::kNone:
      break;
    case ReplayOptions::Policy::kReservoir:
      return std::make_unique<ReservoirPolicy>();
    case ReplayOptions::Policy::kClassBalanced:
      return std::make_unique<ClassBalancedPolicy>();
    case ReplayOptions::Policy::kHerding:
      return std::make_unique<HerdingPolicy>(features);
  }
  return std::make_unique<NonePolicy>();
}

}  // namespace perennial::replay
