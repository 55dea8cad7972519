#pragma once

#include <memory>

#include "serving/predictor.h"

namespace perennial::serving {

// Predictors that run LibTorch modules on the CPU. A module whose version retired is kept as a spare and the next
// version of the same architecture is loaded into its memory, so that memory stays flat over any number of swaps and
// nothing large is freed on a request thread.
std::unique_ptr<PredictorFactory> MakeNetworkFactory();

}  // namespace perennial::serving
