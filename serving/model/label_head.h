#pragma once

#include <cstdint>

#include "serving/model/dense.h"

namespace perennial::model {

// Gives `head` exactly `labels` rows. The parameters stay the same torch objects with new data, so an optimiser that
// holds them goes on holding them; their gradients are dropped. New rows are zero.
void ResizeHead(torch::Tensor weight, torch::Tensor bias, int64_t labels);

// Draws rows [first, end) of the head from `seed`, uniform in +-1 / sqrt(width): each row from its own stream, so
// growing in one step or in many gives the same rows.
void InitialiseHeadRows(const Dense& head, int64_t first, uint64_t seed);

// ResizeHead, then InitialiseHeadRows for what is new. REQUIRES labels >= the present count.
void GrowHead(const Dense& head, int64_t labels, uint64_t seed);

}  // namespace perennial::model
