#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "serving/monitor/arm.h"
#include "serving/predictor.h"
#include "storage/base/hash.h"
#include "storage/base/ids.h"

namespace perennial::serving {

// One resident version. Immutable; a request holds it from admission to answer, so it retires after its last request by
// itself.
struct Served {
  VersionId version;
  Hash256 root;
  std::shared_ptr<const format::VersionImage> image;
  std::shared_ptr<const Predictor> predictor;
};
using ServedPtr = std::shared_ptr<const Served>;

// Which versions take requests, and what share. Immutable: every change is a new Routing and one pointer flip.
struct Routing {
  ServedPtr stable;     // null until the first version
  ServedPtr candidate;  // null: no trial
  uint32_t permille = 0;
  // What the two count in. A trial begins with fresh ones, in the same flip that makes the candidate answer.
  monitor::ArmPtr stable_arm = nullptr, candidate_arm = nullptr;

  // The version for a new request: the candidate for `permille` of the keys, always the same ones for one candidate,
  // growing sets for growing weights. Null when there is no version.
  ServedPtr Pick(std::string_view routing_key) const;
  // A resident version by number; null when it is not resident.
  ServedPtr Find(VersionId version) const;
  // The arm of one of the two; null for any other version.
  monitor::ArmPtr ArmOf(const ServedPtr& served) const;
};

// Bucket of a routing key in a candidate's trial, 0 to 999. Salted with the candidate's number, so that it is not
// always the same users who meet what is new; equal on all nodes.
uint32_t TrialBucket(std::string_view routing_key, VersionId candidate);

}  // namespace perennial::serving
