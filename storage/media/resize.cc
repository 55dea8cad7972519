#include <algorithm>
#include <cstdint>
#include <vector>

#include "storage/media/image.h"

namespace perennial::media {
namespace {

// How the outputs of one axis are mixed from its inputs: output i is the sum of weights[k] * input[first + k] over its
// taps, divided by `total`, which is the same for every i.
struct Axis {
  struct Taps {
    size_t first = 0;
    size_t count = 0;
    size_t weights_at = 0;
  };
  std::vector<Taps> taps;
  std::vector<uint32_t> weights;
  uint64_t total = 1;
};

// Shrinking: output i covers [i * in, (i + 1) * in) of a line where input j covers [j * out, (j + 1) * out); the weight
// is the overlap.
void AreaTaps(uint64_t in, uint64_t out, Axis& axis) {
  axis.total = in;
  for (uint64_t i = 0; i < out; ++i) {
    const uint64_t begin = i * in, end = begin + in;
    Axis::Taps taps{begin / out, 0, axis.weights.size()};
    for (uint64_t j = taps.first; j * out < end; ++j) {
      const uint64_t low = std::max(begin, j * out), high = std::min(end, (j + 1) * out);
      axis.weights.push_back(static_cast<uint32_t>(high - low));
      ++taps.count;
    }
    axis.taps.push_back(taps);
  }
}

// Growing: centres aligned, x = ((2 i + 1) * in - out) / (2 out), the edges repeated.
void LinearTaps(uint64_t in, uint64_t out, Axis& axis) {
  axis.total = 2 * out;
  for (uint64_t i = 0; i < out; ++i) {
    const uint64_t at = (2 * i + 1) * in;
    const uint64_t numerator = at > out ? at - out : 0;
    const uint64_t first = numerator / (2 * out);
    const uint64_t right = numerator % (2 * out);
    const bool two = right != 0 && first + 1 < in;
    axis.taps.push_back({first, two ? 2u : 1u, axis.weights.size()});
    axis.weights.push_back(static_cast<uint32_t>(two ? 2 * out - right : 2 * out));
    if (two) axis.weights.push_back(static_cast<uint32_t>(right));
  }
}

Axis MakeAxis(int in, int out) {
  Axis axis;
  axis.taps.reserve(static_cast<size_t>(out));
  if (out <= in) {
    AreaTaps(static_cast<uint64_t>(in), static_cast<uint64_t>(out), axis);
  } else {
    LinearTaps(static_cast<uint64_t>(in), static_cast<uint64_t>(out), axis);
  }
  return axis;
}

// One input row to sums of the horizontal axis (not divided yet, so nothing is rounded twice).
void MixRow(const uint8_t* row, const Axis& axis, uint32_t* sums) {
  for (const Axis::Taps& taps : axis.taps) {
    const uint32_t* weight = &axis.weights[taps.weights_at];
    const uint8_t* pixel = row + taps.first * 3;
    uint32_t r = 0, g = 0, b = 0;
    for (size_t k = 0; k < taps.count; ++k, pixel += 3) {
      r += weight[k] * pixel[0];
      g += weight[k] * pixel[1];
      b += weight[k] * pixel[2];
    }
    *sums++ = r;
    *sums++ = g;
    *sums++ = b;
  }
}

}  // namespace

Image Resize(const Image& image, int width, int height) {
  if (image.width <= 0 || image.height <= 0 || width <= 0 || height <= 0) return {};
  if (image.width == width && image.height == height) return image;
  const Axis across = MakeAxis(image.width, width), down = MakeAxis(image.height, height);
  const size_t stride = static_cast<size_t>(width) * 3, in_stride = static_cast<size_t>(image.width) * 3;
  const uint64_t total = across.total * down.total;
  Image out{width, height, {}};
  out.pixels.resize(stride * static_cast<size_t>(height));
  std::vector<uint32_t> mixed(stride);
  std::vector<uint64_t> sums(stride);
  size_t mixed_row = SIZE_MAX;  // neighbouring outputs share rows when growing and at the seams when shrinking
  for (size_t y = 0; y < down.taps.size(); ++y) {
    const Axis::Taps& taps = down.taps[y];
    sums.assign(stride, 0);
    for (size_t k = 0; k < taps.count; ++k) {
      const size_t row = taps.first + k;
      if (row != mixed_row) MixRow(&image.pixels[row * in_stride], across, mixed.data());
      mixed_row = row;
      const uint64_t weight = down.weights[taps.weights_at + k];
      for (size_t x = 0; x < stride; ++x) sums[x] += weight * mixed[x];
    }
    uint8_t* target = &out.pixels[y * stride];
    for (size_t x = 0; x < stride; ++x) target[x] = static_cast<uint8_t>((sums[x] + total / 2) / total);
  }
  return out;
}

}  // namespace perennial::media
