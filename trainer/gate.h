#pragma once

#include <map>
#include <string>

#include "trainer/published_record.h"

namespace perennial::trainer {

struct GateOptions {
  double largest_drop = 0.02;     // of an old slice's accuracy
  uint64_t exact_samples = 1000;  // from this many held-out samples on, the drop is taken at its word
  double confidence_z = 1.6449;   // below: the drop must exceed `largest_drop` with this one-sided confidence (95 %)
  uint64_t gain_samples = 50;     // below this many on a slice that grows, that nothing was gained cannot be said
};

struct GateDecision {
  bool accepted = false;
  std::string reason;  // in words, with numbers
};

// Decides whether a candidate may be published, from its scores on the gate's held-out samples and those of the last
// published version: no old slice fell too far, and something was gained (a new slice, or a higher accuracy on an old
// one) or might have been (a growing slice has too few held-out samples to tell), or nothing is published yet. With n <
// exact_samples the drop d counts as d - z * sqrt(p (1 - p) / n + q (1 - q) / m), p and q the two accuracies. Pure.
GateDecision DecideGate(const std::map<std::string, PublishedRecord::SliceScore>& published,
                        const std::map<std::string, PublishedRecord::SliceScore>& candidate,
                        const GateOptions& options = {});

}  // namespace perennial::trainer
