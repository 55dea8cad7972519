#pragma once

#include <string>

#include "updater/subscriber.h"

namespace perennial::edge {

// The update plane's part of /metrics, in Prometheus' text format.
std::string UpdateMetricsText(const updater::SubscriberStatus& status);

}  // namespace perennial::edge
