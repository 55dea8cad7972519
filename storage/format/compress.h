#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "storage/base/status.h"

namespace perennial::format {

// One zstd frame that states its content size. Levels 1 (fast) to 19 (small). The output depends on the zstd release,
// so hash what was compressed when two machines must agree. `prefix` is text that the reader has too: what repeats from
// it costs next to nothing.
Result<std::string> ZstdCompress(std::string_view bytes, int level, std::string_view prefix = {});

// The inverse. kResourceExhausted, before any allocation, when the frame claims more than `max_bytes`; kCorruption when
// it is not exactly one whole frame with a stated size. Another prefix than the writer's gives kCorruption or wrong
// bytes.
Result<std::string> ZstdDecompress(std::string_view bytes, size_t max_bytes, std::string_view prefix = {});

}  // namespace perennial::format
