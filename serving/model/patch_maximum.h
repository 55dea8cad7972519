#pragma once

#include <cstdint>

namespace perennial::model {

// Samples that PatchMaximum takes side by side.
inline constexpr int64_t kPatchLanes = 8;

// out[lane] = max over the nine shifts (dy, dx) in {0, 1, 2}^2 of sum over y < height, x < width of weights[y, x] *
// cell[y + dy, x + dx, lane]. `corner` is cell [0, 0, 0]; cells of a row lie kPatchLanes floats apart, rows
// `row_stride` floats. With integer values and sums below 2^24 the result is exact, whatever the processor.
// Thread-safe.
void PatchMaximum(const float* corner, int64_t row_stride, const float* weights, int64_t height, int64_t width,
                  float* out);

}  // namespace perennial::model
