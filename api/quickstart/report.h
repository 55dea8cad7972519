#pragma once

#include <string>

#include "api/quickstart/outcome.h"

namespace perennial::quickstart {

// The self-contained HTML report: figures, accuracy per slice over the stream for Perennial and for naive fine-tuning, bytes per update, label-to-live
// times, latency during swaps. No script, no external resource. Pure.
std::string ReportHtml(const Outcome& outcome);

}  // namespace perennial::quickstart
