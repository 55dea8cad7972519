#include "updater/float_difference.h"

#include <bit>

namespace perennial::updater {

uint32_t FoldFloat(float base, float target) {
  const uint32_t difference = std::bit_cast<uint32_t>(target) - std::bit_cast<uint32_t>(base);
  return (difference << 1) ^ ((difference & 0x80000000u) != 0 ? 0xffffffffu : 0u);
}

float UnfoldFloat(float base, uint32_t folded) {
  const uint32_t difference = (folded >> 1) ^ ((folded & 1) != 0 ? 0xffffffffu : 0u);
  return std::bit_cast<float>(std::bit_cast<uint32_t>(base) + difference);
}

}  // namespace perennial::updater
