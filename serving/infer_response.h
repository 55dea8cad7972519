#pragma once

#include <string>
#include <vector>

#include "serving/engine.h"
#include "serving/infer_request.h"

namespace perennial::serving {

// The Open Inference Protocol's JSON answer: outputs label, confidence, top_labels and top_scores for all samples;
// parameters say the request ids for feedback and whether the canary answered. REQUIRES at least one answer, all of one
// version.
std::string FormatInferResponse(const std::string& model, const WireRequest& request,
                                const std::vector<InferAnswer>& answers);

// The short answer of the raw image path.
std::string FormatShortAnswer(const std::string& model, const InferAnswer& answer);

// {"error": "..."}; the hint, if any, follows the message.
std::string FormatError(const Status& status);

}  // namespace perennial::serving
