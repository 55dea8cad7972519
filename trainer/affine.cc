#include "trainer/affine.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace perennial::trainer {
namespace {

constexpr int kFraction = 16;  // bits of a coordinate behind the point

int64_t Fixed(double value) { return std::llround(std::ldexp(value, kFraction)); }

// The two pixels around a coordinate and the weight of the second, of 256.
struct Between {
  Between(int64_t at, int size)
      : first(std::clamp<int64_t>(at >> kFraction, 0, size - 1)),
        second(std::clamp<int64_t>((at >> kFraction) + 1, 0, size - 1)),
        weight(static_cast<uint32_t>(at >> (kFraction - 8)) & 0xff) {}
  int64_t first, second;
  uint32_t weight;
};

}  // namespace

void Warp(media::Image& image, const LinearMap& map) {
  const std::vector<uint8_t> before = image.pixels;
  const double centre_x = (image.width - 1) / 2.0, centre_y = (image.height - 1) / 2.0;
  const int64_t a = Fixed(map.a), c = Fixed(map.c);
  uint8_t* to = image.pixels.data();
  for (int row = 0; row < image.height; ++row) {
    const double y = row - centre_y;
    int64_t from_x = Fixed(-map.a * centre_x + map.b * y + centre_x);
    int64_t from_y = Fixed(-map.c * centre_x + map.d * y + centre_y);
    for (int column = 0; column < image.width; ++column, from_x += a, from_y += c) {
      const Between x(from_x, image.width), y_pair(from_y, image.height);
      const uint8_t* upper = before.data() + y_pair.first * image.width * 3;
      const uint8_t* lower = before.data() + y_pair.second * image.width * 3;
      for (int channel = 0; channel < 3; ++channel) {
        const uint32_t up = (256 - x.weight) * upper[x.first * 3 + channel] + x.weight * upper[x.second * 3 + channel];
        const uint32_t low = (256 - x.weight) * lower[x.first * 3 + channel] + x.weight * lower[x.second * 3 + channel];
        *to++ = static_cast<uint8_t>(((256 - y_pair.weight) * up + y_pair.weight * low + (1u << 15)) >> 16);
      }
    }
  }
}

}  // namespace perennial::trainer
