#include "serving/routing.h"

#include "storage/base/bytes.h"
#include "storage/base/rng.h"

namespace perennial::serving {

uint32_t TrialBucket(std::string_view routing_key, VersionId candidate) {
  const Hash256 hash = Sha256(routing_key);
  return static_cast<uint32_t>(Mix64(ReadBigEndian64(hash.View()) ^ Mix64(candidate.value)) % 1000);
}

ServedPtr Routing::Pick(std::string_view routing_key) const {
  if (candidate == nullptr) return stable;
  if (stable == nullptr) return candidate;
  return permille > 0 && TrialBucket(routing_key, candidate->version) < permille ? candidate : stable;
}

ServedPtr Routing::Find(VersionId version) const {
  if (stable != nullptr && stable->version == version) return stable;
  if (candidate != nullptr && candidate->version == version) return candidate;
  return nullptr;
}

monitor::ArmPtr Routing::ArmOf(const ServedPtr& served) const {
  if (served == nullptr) return nullptr;
  return served == candidate ? candidate_arm : served == stable ? stable_arm : nullptr;
}

}  // namespace perennial::serving
