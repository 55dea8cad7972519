#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/status.h"

namespace perennial::sources {

// "2024-05-01T12:00:00.25+02:00" (RFC 3339, a space for the T allowed) or a whole number of microseconds since 1970, to
// microseconds. kInvalidArgument otherwise.
Result<int64_t> ParseTime(std::string_view text);
// "2024-05-01T10:00:00.250000Z".
std::string FormatTime(int64_t micros);

}  // namespace perennial::sources
