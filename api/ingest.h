#pragma once

#include <string>

#include "api/services.h"
#include "serving/http/server.h"

namespace perennial::api {

// True when new samples may come in; else the answer is written: 429 with Retry-After past the high-water mark of what
// the main trainer has not read.
bool AdmitSamples(const Services& services, const ApiOptions& options, http::Response& response);

// One sample of a bulk answer as JSON. `pointer` is shown for what went to quarantine.
std::string OutcomeJson(const samples::AppendOutcome& outcome, const std::string& pointer);

}  // namespace perennial::api
