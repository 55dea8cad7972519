#pragma once

#include <cstdint>
#include <vector>

#include "storage/base/status.h"
#include "storage/format/sample.h"

namespace perennial::bench {

// Samples `first` to `first + count - 1` of an endless seeded series: 64x64 pictures of about 3 KB, PNG and JPEG in
// turn, no two the same, each with a question and a label.
Result<std::vector<format::Sample>> InspectionSamples(uint64_t seed, uint64_t first, size_t count);

}  // namespace perennial::bench
