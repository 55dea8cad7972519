#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace perennial::format {

// 32-bit words as four byte planes, lowest byte first: all first bytes, then all second bytes, ... The high bytes of
// neighbouring floats are alike, so a compressor finds more in them that way. The order of bytes is the same on every
// processor.

// Writes `word` as item `index` of planes that hold `count` words and start at `planes`.
inline void StorePlanes(char* planes, size_t count, size_t index, uint32_t word) {
  for (size_t byte = 0; byte < 4; ++byte) planes[byte * count + index] = static_cast<char>((word >> (8 * byte)) & 0xff);
}

// Reads item `index` back. REQUIRES planes.size() == 4 * count and index < count.
inline uint32_t LoadPlanes(std::string_view planes, size_t count, size_t index) {
  uint32_t word = 0;
  for (size_t byte = 0; byte < 4; ++byte) {
    word |= static_cast<uint32_t>(static_cast<uint8_t>(planes[byte * count + index])) << (8 * byte);
  }
  return word;
}

}  // namespace perennial::format
