#include "updater/delta_streams.h"

#include <bit>

namespace perennial::updater {

void CodeDifferences::Add(const int8_t* base, const int8_t* target, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    changed.push_back(base[i] != target[i]);
    if (base[i] == target[i]) continue;
    // Modulo 256 into [-128, 127]: any code from any code.
    const int difference = static_cast<int8_t>(static_cast<uint8_t>(target[i] - base[i]));
    const int size = difference < 0 ? -difference : difference;
    negative.push_back(difference < 0);
    large.push_back(size > 1);
    if (size > 1) magnitudes.push_back(static_cast<char>(size - 2));
  }
}

void CodeRestorer::Restore(const int8_t* base, int8_t* target, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    target[i] = base[i];
    if (!differences_.changed[next_code_++]) continue;
    int size = 1;
    if (differences_.large[next_change_]) size = 2 + static_cast<uint8_t>(differences_.magnitudes[next_magnitude_++]);
    const int difference = differences_.negative[next_change_++] ? -size : size;
    target[i] = static_cast<int8_t>(static_cast<uint8_t>(base[i] + difference));
  }
}

uint32_t FoldFloat(float base, float target) {
  const uint32_t difference = std::bit_cast<uint32_t>(target) - std::bit_cast<uint32_t>(base);
  return (difference << 1) ^ ((difference & 0x80000000u) != 0 ? 0xffffffffu : 0u);
}

float UnfoldFloat(float base, uint32_t folded) {
  const uint32_t difference = (folded >> 1) ^ ((folded & 1) != 0 ? 0xffffffffu : 0u);
  return std::bit_cast<float>(std::bit_cast<uint32_t>(base) + difference);
}

}  // namespace perennial::updater
