#pragma once

#include "api/quickstart/options.h"
#include "storage/base/status.h"

namespace perennial::quickstart {

// The whole job: start hub and edges, feed, learn, publish, swap, answer requests all the time, sit the final exam, show. Prints the outcome (one JSON
// object with options.json, else a table) on standard output; progress on standard error. REQUIRES: called from the main thread.
Status RunQuickstart(const Options& options);

}  // namespace perennial::quickstart
