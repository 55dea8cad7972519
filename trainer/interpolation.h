#pragma once

#include <cstdint>
#include <memory>

#include "serving/model/model.h"

namespace perennial::trainer {

// Writes weights between two versions of one network into `out`: w = published + share (target - published), Wortsman
// et al., Robust fine-tuning of zero-shot models (WiSE-FT), CVPR 2022. Head rows of labels that `published` does not
// have, or has as rows that never win, are the target's; `offset` is added to the head's bias from row `offset_from`
// on. The three have one spec and one device; out's head is as large as target's. Nothing else of `out` stays. No
// gradients.
void Interpolate(const model::Model& published, const model::Model& target, double share, int64_t offset_from,
                 double offset, model::Model& out);

// Whether a network takes an offset on the logits of some labels: its head has a bias.
bool HasLabelBias(const model::Model& model);

}  // namespace perennial::trainer
