#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/status.h"

namespace perennial::updater {

// Bits as bytes that an order-0 byte coder (zstd's Huffman stage) packs close to their entropy: sparse bits as the runs
// of zeros between the ones, dense bits eight to a byte. The first byte says which. Empty for no bits. Pure.
std::string PackBits(const std::vector<bool>& bits);

// The inverse, for a count known from elsewhere. kCorruption for bytes that PackBits would not make for it in length.
Result<std::vector<bool>> UnpackBits(std::string_view packed, size_t count);

// No packing of `count` bits is longer: the cap for whoever decompresses one.
inline size_t MaxPackedBytes(size_t count) { return count + 2; }

}  // namespace perennial::updater
