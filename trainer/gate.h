#pragma once

#include <map>
#include <string>
#include <vector>

#include "storage/base/status.h"
#include "trainer/published_record.h"

namespace perennial::trainer {

struct GateOptions {
  double largest_drop = 0.02;     // of an old slice's accuracy
  uint64_t exact_samples = 1000;  // from this many held-out samples on, the drop is taken at its word
  double confidence_z = 1.6449;   // below: the drop must exceed `largest_drop` with this one-sided confidence (95 %)
  uint64_t gain_samples = 50;     // below this many on a slice that grows, that nothing was gained cannot be said
  // Drops that each hold the rule add up: a slice that lies further than this (with the same confidence) below the best
  // it had since the labels last grew is named in the decision. A warning, see trainer/README.md for why.
  double largest_decline = 0.05;
  Status Validate() const;
};

// What a candidate and the published version answered to the very same held-out samples of one slice.
struct SliceFlips {
  uint64_t lost = 0;  // right before, wrong now
  uint64_t won = 0;   // wrong before, right now
  bool grew = false;  // more samples than at the last publication
  friend bool operator==(const SliceFlips&, const SliceFlips&) = default;
};

using SliceScores = std::map<std::string, PublishedRecord::SliceScore>;
using SliceFlipCounts = std::map<std::string, SliceFlips>;

struct GateDecision {
  bool accepted = false;
  std::string reason;  // in words, with numbers
};

// The drop of a slice's accuracy that the evidence is sure of. With n >= exact_samples samples the drop d at its word;
// with fewer d - z * se, where se is the standard error of the difference: of two proportions,
// sqrt(p (1 - p) / n + q (1 - q) / m), or, where the flips are known, of paired answers (McNemar),
// sqrt(lost + won - (lost - won)^2 / n) / n. Pure.
double ProvenDrop(const PublishedRecord::SliceScore& before, const PublishedRecord::SliceScore& now,
                  const SliceFlips* flips, const GateOptions& options);

// Whether no old slice fell too far: the first part of the gate. Empty when none did, else why, in words. Pure.
std::string BrokenSlice(const SliceScores& published, const SliceScores& candidate, const SliceFlipCounts& flips,
                        const GateOptions& options);

// Decides whether a candidate may be published, from its scores on the gate's held-out samples and those of the last
// published version: no old slice fell too far, and something was gained (a new slice, or a higher mean over the old
// ones) or might have been (a growing slice has too few held-out samples to tell), or nothing is published yet. `flips`
// has the slices on which both answered the same samples. `new_labels`: those that count as a gain though hardly any
// sample of them is held out yet. `owed`: a reason that counts as one too. Pure.
GateDecision DecideGate(const SliceScores& published, const SliceScores& candidate, const SliceFlipCounts& flips = {},
                        const GateOptions& options = {}, const std::vector<std::string>& new_labels = {},
                        const std::string& owed = {});

// The slices that lie more than largest_decline below `peak`, in words; empty when there is none. Pure.
std::string DeclineWarning(const SliceScores& peak, const SliceScores& candidate, const GateOptions& options);

}  // namespace perennial::trainer
