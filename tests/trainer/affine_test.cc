#include "trainer/affine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "storage/base/rng.h"

namespace perennial::trainer {
namespace {

media::Image Random(int width, int height, uint64_t seed) {
  media::Image image{width, height, {}};
  Rng rng(seed);
  for (int i = 0; i < width * height * 3; ++i) image.pixels.push_back(static_cast<uint8_t>(rng.Below(256)));
  return image;
}

TEST(Warp, TheIdentityChangesNothing) {
  for (const auto& [width, height] : {std::pair(1, 1), std::pair(7, 4), std::pair(28, 28)}) {
    media::Image image = Random(width, height, 1);
    const auto before = image.pixels;
    Warp(image, {});
    EXPECT_EQ(image.pixels, before);
  }
}

TEST(Warp, AQuarterTurnMovesEveryPixel) {
  const media::Image before = Random(9, 9, 2);
  media::Image image = before;
  Warp(image, {0, -1, 1, 0});
  for (int y = 0; y < 9; ++y) {
    for (int x = 0; x < 9; ++x) {
      // (x, y) around the centre (4, 4) comes from (-y, x).
      const int from_x = 4 - (y - 4), from_y = 4 + (x - 4);
      ASSERT_EQ(image.pixels[static_cast<size_t>((y * 9 + x) * 3)],
                before.pixels[static_cast<size_t>((from_y * 9 + from_x) * 3)]);
    }
  }
}

// The same in double precision, straight from the definition.
double Expected(const media::Image& image, const LinearMap& map, int x, int y, int channel) {
  const double cx = (image.width - 1) / 2.0, cy = (image.height - 1) / 2.0;
  const double from_x = map.a * (x - cx) + map.b * (y - cy) + cx, from_y = map.c * (x - cx) + map.d * (y - cy) + cy;
  const auto at = [&](double px, double py) {
    const int ix = std::clamp(static_cast<int>(px), 0, image.width - 1);
    const int iy = std::clamp(static_cast<int>(py), 0, image.height - 1);
    return static_cast<double>(image.pixels[static_cast<size_t>((iy * image.width + ix) * 3 + channel)]);
  };
  const double x0 = std::floor(from_x), y0 = std::floor(from_y), wx = from_x - x0, wy = from_y - y0;
  return (1 - wy) * ((1 - wx) * at(x0, y0) + wx * at(x0 + 1, y0)) +
         wy * ((1 - wx) * at(x0, y0 + 1) + wx * at(x0 + 1, y0 + 1));
}

TEST(Warp, IsBilinearWithinOnePartIn256OfAPixel) {
  Rng rng(3);
  for (int trial = 0; trial < 50; ++trial) {
    const media::Image before = Random(3 + trial % 11, 2 + trial % 7, static_cast<uint64_t>(trial));
    const LinearMap map{rng.Uniform(-2, 2), rng.Uniform(-1, 1), rng.Uniform(-1, 1), rng.Uniform(-2, 2)};
    media::Image image = before;
    Warp(image, map);
    for (int y = 0; y < image.height; ++y) {
      for (int x = 0; x < image.width; ++x) {
        for (int channel = 0; channel < 3; ++channel) {
          // 255 levels, 1/256 pixel of error in either direction, and rounding.
          ASSERT_NEAR(image.pixels[static_cast<size_t>((y * image.width + x) * 3 + channel)],
                      Expected(before, map, x, y, channel), 3.0);
        }
      }
    }
  }
}

}  // namespace
}  // namespace perennial::trainer
