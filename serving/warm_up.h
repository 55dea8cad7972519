#pragma once

#include "serving/predictor.h"

namespace perennial::serving {

// Runs the predictor on made-up inputs: image and text, image only, text only, and with `all_sizes` batches of 1, 2, 4,
// ... up to `max_batch`, so that the first real request meets nothing lazy. kFailedPrecondition when an output is not
// finite or not as long as the label list.
Status WarmUp(const Predictor& predictor, const format::VersionImage& image, size_t max_batch, bool all_sizes);

}  // namespace perennial::serving
