#pragma once

#include <cstdint>
#include <vector>

#include "api/quickstart/traffic.h"

namespace perennial::quickstart {

// Answers that cannot come from the one version they name: header and body name different versions, or the same sample asked of the same version gave
// another label or another confidence (by more than 1e-3; batching changes the last bits only) than before. A near tie between two labels is judged by
// confidence alone.
uint64_t CountMixedVersions(const std::vector<RequestRecord>& requests, const std::vector<RequestRecord>& exam);

}  // namespace perennial::quickstart
