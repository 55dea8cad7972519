#pragma once

#include <string>
#include <string_view>

#include "storage/base/status.h"

namespace perennial::sources {

// Image bytes from base64 text or a data URI ("data:image/png;base64,...").
Result<std::string> ImageFromText(std::string_view text);

}  // namespace perennial::sources
