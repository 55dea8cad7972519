#include "updater/bit_runs.h"

#include <algorithm>
#include <cstdint>

namespace perennial::updater {
namespace {

// A run byte of 0..254 means so many zeros and then a one; 255 means 255 zeros and no one yet. Zeros after the last one
// are not told.
constexpr char kRuns = 0;
constexpr char kMask = 1;
constexpr size_t kLongRun = 255;
// With more ones than one in so many bits the mask packs better (measured with zstd 1.5.4).
constexpr size_t kDenseFrom = 6;

std::string PackRuns(const std::vector<bool>& bits) {
  std::string out(1, kRuns);
  size_t zeros = 0;
  for (const bool bit : bits) {
    if (!bit) {
      ++zeros;
      continue;
    }
    for (; zeros >= kLongRun; zeros -= kLongRun) out.push_back(static_cast<char>(kLongRun));
    out.push_back(static_cast<char>(zeros));
    zeros = 0;
  }
  return out;
}

std::string PackMask(const std::vector<bool>& bits) {
  std::string out(1 + (bits.size() + 7) / 8, '\0');
  out[0] = kMask;
  for (size_t i = 0; i < bits.size(); ++i) {
    if (bits[i]) out[1 + i / 8] = static_cast<char>(static_cast<uint8_t>(out[1 + i / 8]) | (1u << (i % 8)));
  }
  return out;
}

Result<std::vector<bool>> UnpackRuns(std::string_view runs, size_t count) {
  std::vector<bool> bits(count);
  size_t next = 0;
  for (const char c : runs) {
    const auto run = static_cast<uint8_t>(c);
    next += run;
    if (run == kLongRun) continue;
    if (next >= count) return Corruption("bit runs: past the end");
    bits[next++] = true;
  }
  return bits;
}

Result<std::vector<bool>> UnpackMask(std::string_view mask, size_t count) {
  if (mask.size() != (count + 7) / 8) return Corruption("bit mask: wrong length");
  std::vector<bool> bits(count);
  for (size_t i = 0; i < count; ++i) bits[i] = (static_cast<uint8_t>(mask[i / 8]) >> (i % 8) & 1u) != 0;
  return bits;
}

}  // namespace

std::string PackBits(const std::vector<bool>& bits) {
  if (bits.empty()) return {};
  const auto ones = static_cast<size_t>(std::count(bits.begin(), bits.end(), true));
  return ones * kDenseFrom > bits.size() ? PackMask(bits) : PackRuns(bits);
}

Result<std::vector<bool>> UnpackBits(std::string_view packed, size_t count) {
  if (count == 0 && packed.empty()) return std::vector<bool>();
  if (count == 0 || packed.empty()) return Corruption("bits: their number does not fit");
  if (packed[0] == kRuns) return UnpackRuns(packed.substr(1), count);
  if (packed[0] == kMask) return UnpackMask(packed.substr(1), count);
  return Corruption("bits: unknown packing");
}

}  // namespace perennial::updater
