#pragma once

#include "serving/admission.h"
#include "serving/predictor.h"

namespace perennial::serving {

// A decoded request in the form the network of one version reads: the same resizing as in training.
PreparedInput FitTo(const DecodedInput& input, const format::ModelSpec& spec);

}  // namespace perennial::serving
