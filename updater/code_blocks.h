#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/status.h"

// Code differences of a whole version as independent blocks, each entropy-coded from its own start: they can be coded
// at the same time, and damage stays in one. Format in updater/delta_range.md. Pure.
namespace perennial::updater {

inline constexpr size_t kCodesPerBlock = 65536;

// Codes of one tensor that both versions have, row-major.
struct CodeSegment {
  const int8_t* base = nullptr;
  const int8_t* target = nullptr;  // for the writer
  int8_t* restored = nullptr;      // for the reader: where the target's codes go
  size_t count = 0;
  size_t row_size = 1;
};

// Writes the differences of all segments, in their order.
void WriteCodeBlocks(const std::vector<CodeSegment>& segments, ByteWriter& out);
// Fills `restored`. kCorruption unless the blocks hold exactly these segments.
Status ReadCodeBlocks(ByteReader& in, const std::vector<CodeSegment>& segments);

}  // namespace perennial::updater
