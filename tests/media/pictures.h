#pragma once

#include <cstdint>
#include <string>

#include "storage/base/rng.h"
#include "storage/media/image.h"

namespace perennial::media {

// A picture with smooth and noisy parts, so that its files have the size of a field picture.
inline Image MakePicture(int width, int height, uint64_t seed) {
  Rng rng(seed);
  Image image{width, height, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const auto noise = static_cast<int>(rng.Below(24));
      image.pixels.push_back(static_cast<uint8_t>((x * 3 + noise) & 0xff));
      image.pixels.push_back(static_cast<uint8_t>((y * 3 + noise) & 0xff));
      image.pixels.push_back(static_cast<uint8_t>(100 + noise));
    }
  }
  return image;
}

inline constexpr DecodeLimits kLimits;

}  // namespace perennial::media
