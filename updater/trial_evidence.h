#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "updater/evidence.h"

namespace perennial::updater {

// Sums what nodes report about the two arms of one trial. Nodes send running totals, so a repeated or lost report does
// no harm; a total that went down means the node restarted, and what it counted before still counts. The stable arm of
// a node counts only while the node also runs the candidate: the control is the same nodes at the same time.
// Thread-compatible.
class TrialEvidence {
 public:
  // A new trial: forgets everything.
  void Reset(VersionId stable, VersionId candidate);
  void Add(const std::string& node, const std::vector<ArmCounts>& counts);
  ArmCounts Stable() const;
  ArmCounts Candidate() const;

 private:
  struct Totals {
    ArmCounts before;  // of the node's earlier lives
    ArmCounts now;
    void Update(const ArmCounts& counts);
    ArmCounts Sum() const;
  };
  struct Arms {
    Totals stable;
    Totals candidate;
  };
  VersionId stable_;
  VersionId candidate_;
  std::map<std::string, Arms> nodes_;
};

}  // namespace perennial::updater
