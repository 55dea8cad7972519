#pragma once

#include <memory>

#include "serving/engine.h"
#include "serving/predictor.h"

namespace perennial::serving {

// Engine::Start with the networks' maker given from outside; the tests' seam.
Result<std::unique_ptr<Engine>> StartEngine(EngineOptions options, const Clock& clock,
                                            std::unique_ptr<PredictorFactory> factory);

}  // namespace perennial::serving
