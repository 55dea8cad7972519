#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/status.h"

// The zstd sections of a delta: each a frame of its own, for each has its own statistics; an empty one takes a byte.
// Pure.
namespace perennial::updater {

// `prefix` is text that the reader has too.
Status WriteSection(std::string_view bytes, ByteWriter& out, std::string_view prefix = {});
// At most `max` bytes come back, whatever the input claims.
Result<std::string> ReadSection(ByteReader& in, size_t max, std::string_view prefix = {});
Result<std::string> ReadSectionOfSize(ByteReader& in, size_t size);

// 32-bit words as a section per byte plane: the low planes of a float's difference are noise, the high ones nearly
// constant.
Status WritePlanes(const std::vector<uint32_t>& words, ByteWriter& out);
// 4 * words bytes, as storage/format/float_planes.h reads them.
Result<std::string> ReadPlanes(ByteReader& in, size_t words);

}  // namespace perennial::updater
