#pragma once

#include <string_view>

#include "storage/base/status.h"

namespace perennial::sources {

// Refuses regular expressions that could take very long on some text: back references, a repeat inside a repeated group
// ("(a+)+"), counts above 100, more than 256 bytes. kInvalidArgument saying which.
Status CheckPattern(std::string_view pattern);

}  // namespace perennial::sources
