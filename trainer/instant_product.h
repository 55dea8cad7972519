#pragma once

#include <cstdint>

namespace perennial::trainer {

// out[rows, columns] = a^T b, both read down `count` samples: a: [count, rows], b: [count, columns], rows `stride`
// apart in all three. f32; with integers whose sums stay below 2^24 it is exact. Through oneDNN where there is one,
// else through LibTorch.
void ProductOverSamples(const float* a, int64_t rows, const float* b, int64_t columns, int64_t count, int64_t stride,
                        float* out);

}  // namespace perennial::trainer
