#include "updater/trial_evidence.h"

namespace perennial::updater {
namespace {

// Far above any fleet here; names are authenticated, so this only guards against a misuse of the interface.
constexpr size_t kMaxNodes = 65536;

const ArmCounts* Find(const std::vector<ArmCounts>& counts, VersionId version) {
  for (const ArmCounts& arm : counts) {
    if (version.value != 0 && arm.version == version) return &arm;
  }
  return nullptr;
}

}  // namespace

void TrialEvidence::Totals::Update(const ArmCounts& counts) {
  if (counts.requests < now.requests || counts.feedback < now.feedback) before += now;
  now = counts;
}

ArmCounts TrialEvidence::Totals::Sum() const {
  ArmCounts sum = before;
  sum += now;
  return sum;
}

void TrialEvidence::Reset(VersionId stable, VersionId candidate) {
  stable_ = stable;
  candidate_ = candidate;
  nodes_.clear();
}

void TrialEvidence::Add(const std::string& node, const std::vector<ArmCounts>& counts) {
  const ArmCounts* candidate = Find(counts, candidate_);
  if (candidate == nullptr) return;
  if (nodes_.size() >= kMaxNodes && !nodes_.contains(node)) return;
  Arms& arms = nodes_[node];
  arms.candidate.Update(*candidate);
  if (const ArmCounts* stable = Find(counts, stable_)) arms.stable.Update(*stable);
}

ArmCounts TrialEvidence::Stable() const {
  ArmCounts sum;
  sum.version = stable_;
  for (const auto& [name, arms] : nodes_) sum += arms.stable.Sum();
  return sum;
}

ArmCounts TrialEvidence::Candidate() const {
  ArmCounts sum;
  sum.version = candidate_;
  for (const auto& [name, arms] : nodes_) sum += arms.candidate.Sum();
  return sum;
}

}  // namespace perennial::updater
