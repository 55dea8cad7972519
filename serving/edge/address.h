#pragma once

#include <string>

#include "storage/base/status.h"

namespace perennial::edge {

// "HOST:PORT" into its parts; an IPv6 host may stand in brackets.
Status ParseAddress(const std::string& text, std::string& host, int& port);

}  // namespace perennial::edge
