#include "trainer/augment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numbers>

#include "trainer/affine.h"

namespace perennial::trainer {
namespace {

uint8_t Clamp(double value) { return static_cast<uint8_t>(std::clamp(std::lround(value), 0l, 255l)); }

// Left and right change places.
void SwapColumns(media::Image& image) {
  for (int y = 0; y < image.height; ++y) {
    uint8_t* row = &image.pixels[static_cast<size_t>(y * image.width * 3)];
    for (int left = 0, right = image.width - 1; left < right; ++left, --right) {
      std::swap_ranges(row + left * 3, row + left * 3 + 3, row + right * 3);
    }
  }
}

// Top and bottom change places.
void SwapRows(media::Image& image) {
  const auto row_bytes = static_cast<ptrdiff_t>(image.width) * 3;
  for (int top = 0, bottom = image.height - 1; top < bottom; ++top, --bottom) {
    const auto first = image.pixels.begin() + top * row_bytes;
    std::swap_ranges(first, first + row_bytes, image.pixels.begin() + bottom * row_bytes);
  }
}

// Moves the picture by (dx, dy); the edge pixels are repeated.
void Shift(media::Image& image, int dx, int dy) {
  const std::vector<uint8_t> before = image.pixels;
  const auto row_bytes = static_cast<size_t>(image.width) * 3;
  const int begin = std::clamp(dx, 0, image.width - 1);          // columns [begin, end) come from within the row,
  const int end = std::clamp(image.width + dx, 1, image.width);  // the others repeat its first or last pixel
  const int moved = std::clamp(dx, 1 - image.width, image.width - 1);
  for (int y = 0; y < image.height; ++y) {
    const uint8_t* from = &before[static_cast<size_t>(std::clamp(y - dy, 0, image.height - 1)) * row_bytes];
    uint8_t* to = &image.pixels[static_cast<size_t>(y) * row_bytes];
    std::memcpy(to + begin * 3, from + (begin - moved) * 3, static_cast<size_t>(end - begin) * 3);
    for (int x = 0; x < begin; ++x) std::memcpy(to + x * 3, from, 3);
    for (int x = end; x < image.width; ++x) std::memcpy(to + x * 3, from + row_bytes - 3, 3);
  }
}

// Brightness and contrast around mid-grey, through a table.
void Illuminate(media::Image& image, double brightness, double contrast) {
  std::array<uint8_t, 256> table;
  for (size_t i = 0; i < table.size(); ++i) {
    table[i] = Clamp((static_cast<double>(i) - 127.5) * contrast + 127.5 + 255.0 * brightness);
  }
  for (uint8_t& pixel : image.pixels) pixel = table[pixel];
}

// Gaussian noise: 1,024 normal values are drawn once, each pixel takes one of them (eight random bits and a moving
// start), so a picture costs a thousand normals and not three thousand.
void AddNoise(media::Image& image, double deviation, Rng& rng) {
  constexpr size_t kTable = 1024;
  std::array<int, kTable> table;
  for (int& value : table) value = static_cast<int>(std::lround(rng.Normal() * deviation * 255.0));
  size_t at = 0;
  uint64_t bits = 0;
  for (size_t i = 0; i < image.pixels.size(); ++i) {
    if (i % 8 == 0) bits = rng.Next();
    at = (at + 1 + (bits & 0xff)) % kTable;
    bits >>= 8;
    image.pixels[i] = static_cast<uint8_t>(std::clamp(image.pixels[i] + table[at], 0, 255));
  }
}

// One grey rectangle of a quarter to a half of each side.
void Occlude(media::Image& image, Rng& rng) {
  const auto side = [&](int full) { return std::max(1, static_cast<int>(full * rng.Uniform(0.25, 0.5))); };
  const int width = side(image.width);
  const int height = side(image.height);
  const int left = static_cast<int>(rng.Below(static_cast<uint64_t>(image.width - width + 1)));
  const int top = static_cast<int>(rng.Below(static_cast<uint64_t>(image.height - height + 1)));
  for (int y = top; y < top + height; ++y) {
    std::memset(&image.pixels[static_cast<size_t>((y * image.width + left) * 3)], 127, static_cast<size_t>(width) * 3);
  }
}

bool Warps(const AugmentOptions& options) { return options.rotate > 0 || options.scale > 0 || options.shear > 0; }

LinearMap DrawMap(const AugmentOptions& options, Rng& rng) {
  const double angle = rng.Uniform(-options.rotate, options.rotate) * std::numbers::pi / 180;
  const double wide = 1 + rng.Uniform(-options.scale, options.scale);
  const double high = 1 + rng.Uniform(-options.scale, options.scale);
  const double shear = rng.Uniform(-options.shear, options.shear);
  return {wide * std::cos(angle), shear - std::sin(angle), std::sin(angle), high * std::cos(angle)};
}

}  // namespace

bool ChangesPictures(const AugmentOptions& options) {
  if (options.share <= 0) return false;
  if (options.mirror > 0 || options.flip > 0) return true;
  return options.illumination > 0 || options.noise > 0 || options.occlusion > 0 || options.shift > 0 || Warps(options);
}

void Augment(media::Image& image, const AugmentOptions& options, Rng& rng) {
  if (image.pixels.empty()) return;
  if (options.share < 1 && !rng.Chance(options.share)) return;
  if (options.mirror > 0 && rng.Chance(options.mirror)) SwapColumns(image);
  if (options.flip > 0 && rng.Chance(options.flip)) SwapRows(image);
  if (options.shift > 0) {
    const auto range = static_cast<uint64_t>(2 * options.shift + 1);
    const int dx = static_cast<int>(rng.Below(range)) - options.shift;
    const int dy = static_cast<int>(rng.Below(range)) - options.shift;
    Shift(image, dx, dy);
  }
  if (Warps(options)) Warp(image, DrawMap(options, rng));
  if (options.illumination > 0) {
    const double brightness = rng.Uniform(-options.illumination, options.illumination) * 0.5;
    const double contrast = 1.0 + rng.Uniform(-options.illumination, options.illumination);
    Illuminate(image, brightness, contrast);
  }
  if (options.noise > 0) AddNoise(image, options.noise * rng.Uniform(), rng);
  if (options.occlusion > 0 && rng.Chance(options.occlusion)) Occlude(image, rng);
}

Rng StreamOf(uint64_t seed, Offset offset) { return Rng(seed, offset.value); }

Rng StreamOf(uint64_t seed, Offset offset, uint64_t step, uint64_t purpose) {
  return Rng(Mix64(seed + purpose) ^ Mix64(step), offset.value);
}

}  // namespace perennial::trainer
