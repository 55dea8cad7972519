#include "updater/trust/z85.h"

#include <array>
#include <cstdint>

namespace perennial::trust {
namespace {

constexpr std::string_view kAlphabet =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
static_assert(kAlphabet.size() == 85);

constexpr std::array<int16_t, 256> MakeValues() {
  std::array<int16_t, 256> values{};
  values.fill(-1);
  for (size_t i = 0; i < kAlphabet.size(); ++i) values[static_cast<uint8_t>(kAlphabet[i])] = static_cast<int16_t>(i);
  return values;
}
constexpr std::array<int16_t, 256> kValues = MakeValues();

}  // namespace

std::string Z85Encode(std::string_view bytes) {
  std::string text;
  for (size_t i = 0; i + 4 <= bytes.size(); i += 4) {
    uint32_t word = 0;
    for (size_t j = 0; j < 4; ++j) word = (word << 8) | static_cast<uint8_t>(bytes[i + j]);
    std::array<char, 5> group{};
    for (size_t j = 5; j-- > 0; word /= 85) group[j] = kAlphabet[word % 85];
    text.append(group.data(), group.size());
  }
  return text;
}

Result<std::string> Z85Decode(std::string_view text) {
  if (text.size() % 5 != 0) return InvalidArgument("Z85: the length is no multiple of five");
  std::string bytes;
  for (size_t i = 0; i < text.size(); i += 5) {
    uint64_t word = 0;
    for (size_t j = 0; j < 5; ++j) {
      const int16_t value = kValues[static_cast<uint8_t>(text[i + j])];
      if (value < 0) return InvalidArgument("Z85: a character outside the alphabet");
      word = word * 85 + static_cast<uint64_t>(value);
    }
    if (word > 0xffffffffu) return InvalidArgument("Z85: a group is out of range");
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>((word >> shift) & 0xff));
  }
  return bytes;
}

}  // namespace perennial::trust
