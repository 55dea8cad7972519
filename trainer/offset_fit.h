#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/gate.h"

namespace perennial::trainer {

// How one network answers one held-out sample when its labels are two groups: those that it has had for long, and the
// newest ones.
struct SplitAnswer {
  int64_t old_label = -1;  // index of the best label of each group
  int64_t new_label = -1;
  // Logit of the best new one less that of the best old one; above 0 the new one is the answer. Without newest labels
  // minus infinity, and new_label is -1.
  float margin = 0;
  int64_t Answer() const { return margin > 0 ? new_label : old_label; }
};

// One held-out sample as FitOffset sees it.
struct OffsetSample {
  size_t slice = 0;  // index into the scores
  float margin = 0;
  bool old_right = false;  // whether each group's best label is the true one
  bool new_right = false;
  bool right_before = false;  // whether the published version has it right
};

struct OffsetFit {
  bool found = false;  // false: no offset holds the rule
  double offset = 0;
  double mean = 0;  // accuracy over slices
};

// The offset on the logits of the newest labels with the highest mean accuracy over slices among those under which no
// old slice falls too far (gate.h): what a network that met new classes last gets wrong is first of all how much it
// prefers them (BiC, Wu et al., CVPR 2019; logit adjustment, Menon et al., ICLR 2021). Exact: one sweep over the
// margins, n log n. Of equal ones the smallest change. `before[i]`: the published version's score on the samples of
// slice i, with 0 samples where it is new. Pure.
// `least`: of all that hold the rule the smallest change, whatever the mean: for labels of which hardly any sample is
// held out, so that the mean knows only what they take.
OffsetFit FitOffset(std::vector<OffsetSample> samples, const std::vector<PublishedRecord::SliceScore>& before,
                    const GateOptions& options, bool least = false);

}  // namespace perennial::trainer
