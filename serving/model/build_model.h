#pragma once

#include <memory>

#include "serving/model/model.h"

namespace perennial::model {

// The network of `spec` with memory for its parameters but no values in it: for a caller that fills all of them at once
// (Instantiate).
Result<std::shared_ptr<Model>> BuildUninitialised(const format::ModelSpec& spec, int64_t labels);

}  // namespace perennial::model
