#include "storage/sources/field_camera.h"

#include <algorithm>
#include <cmath>

namespace perennial::sources {
namespace {

using media::Image;

uint8_t Clamped(double v) { return static_cast<uint8_t>(std::clamp(static_cast<int>(std::lround(v)), 0, 255)); }

uint8_t* PixelAt(Image& image, int x, int y) {
  return &image.pixels[(static_cast<size_t>(y) * static_cast<size_t>(image.width) + static_cast<size_t>(x)) * 3];
}

// Calls change(pixel, u, v) for every pixel, u and v in [0, 1].
template <typename Change>
void ForEach(Image& image, const Change& change) {
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x)
      change(PixelAt(image, x, y), (x + 0.5) / image.width, (y + 0.5) / image.height);
  }
}

void Illuminate(Image& image, Rng& rng) {
  const double dx = rng.Uniform(-0.3, 0.3), dy = rng.Uniform(-0.3, 0.3), gain = rng.Uniform(0.85, 1.1);
  ForEach(image, [&](uint8_t* pixel, double u, double v) {
    const double light = gain + dx * (u - 0.5) + dy * (v - 0.5);
    for (int c = 0; c < 3; ++c) pixel[c] = Clamped(pixel[c] * light);
  });
}

// A grey bar over a tenth of one side.
void Occlude(Image& image, Rng& rng) {
  const uint64_t side = rng.Below(4);
  const double width = rng.Uniform(0.05, 0.11);
  ForEach(image, [&](uint8_t* pixel, double u, double v) {
    const double depth = side == 0 ? u : side == 1 ? 1 - u : side == 2 ? v : 1 - v;
    if (depth < width) std::fill(pixel, pixel + 3, uint8_t{70});
  });
}

void Blur(Image& image) {
  const Image before = image;
  const auto at = [&](int x, int y, int c) {
    x = std::clamp(x, 0, before.width - 1);
    y = std::clamp(y, 0, before.height - 1);
    return int{before.pixels[(static_cast<size_t>(y) * static_cast<size_t>(before.width) + static_cast<size_t>(x)) * 3 +
                             static_cast<size_t>(c)]};
  };
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      for (int c = 0; c < 3; ++c) {
        const int sum = 4 * at(x, y, c) + at(x - 1, y, c) + at(x + 1, y, c) + at(x, y - 1, c) + at(x, y + 1, c);
        PixelAt(image, x, y)[c] = static_cast<uint8_t>(sum / 8);
      }
    }
  }
}

void AddNoise(Image& image, int spread, Rng& rng) {
  for (uint8_t& v : image.pixels) {
    v = Clamped(v + static_cast<int>(rng.Below(static_cast<uint64_t>(2 * spread + 1))) - spread);
  }
}

void Rotate(Image& image, double angle) {
  const Image before = image;
  const double c = std::cos(angle), s = std::sin(angle);
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      const double u = x + 0.5 - image.width / 2.0, v = y + 0.5 - image.height / 2.0;
      const int from_x =
          std::clamp(static_cast<int>(std::floor(c * u + s * v + image.width / 2.0)), 0, image.width - 1);
      const int from_y =
          std::clamp(static_cast<int>(std::floor(c * v - s * u + image.height / 2.0)), 0, image.height - 1);
      const uint8_t* from =
          &before
               .pixels[(static_cast<size_t>(from_y) * static_cast<size_t>(before.width) + static_cast<size_t>(from_x)) *
                       3];
      std::copy(from, from + 3, PixelAt(image, x, y));
    }
  }
}

}  // namespace

void Disturb(Image& image, Rng& rng) {
  Illuminate(image, rng);
  if (rng.Chance(0.2)) Occlude(image, rng);
  if (rng.Chance(0.2)) Blur(image);
  AddNoise(image, static_cast<int>(2 + rng.Below(6)), rng);
}

void ChangeCamera(Image& image, Rng& rng) {
  Rotate(image, rng.Uniform(-0.25, 0.25));
  const int side = image.width;
  image = media::Resize(media::Resize(image, std::max(1, side * 5 / 8), std::max(1, side * 5 / 8)), side, side);
  ForEach(image, [&](uint8_t* pixel, double u, double v) {
    const double corner = 1 - 0.9 * ((u - 0.5) * (u - 0.5) + (v - 0.5) * (v - 0.5));
    pixel[0] = Clamped(pixel[0] * 0.85 * corner);
    pixel[1] = Clamped(pixel[1] * 1.08 * corner);
    pixel[2] = Clamped(pixel[2] * 0.8 * corner);
  });
}

}  // namespace perennial::sources
