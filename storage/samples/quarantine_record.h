#pragma once

#include <string>
#include <string_view>

#include "storage/samples/sample_log.h"

namespace perennial::samples {

// A quarantine entry without its id, which is its key. Format: sample_log_format.md.
std::string EncodeQuarantine(const QuarantineEntry& entry);
Result<QuarantineEntry> DecodeQuarantine(uint64_t id, std::string_view bytes);

}  // namespace perennial::samples
