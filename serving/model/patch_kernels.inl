// The inner loop of serving/model/patch_maximum.cc, included there once for every instruction set, each time inside a
// namespace of its own (GCC lowers vector types before target_clones would clone a function). No header.

using Vector = float __attribute__((vector_size(32), aligned(4), may_alias));

inline void PatchMaximum(const float* corner, int64_t row_stride, const float* weights, int64_t height, int64_t width,
                         float* out) {
  Vector sums[9] = {};
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      const float weight = *weights++;
      const float* at = corner + y * row_stride + x * kPatchLanes;
#pragma GCC unroll 9
      for (int shift = 0; shift < 9; ++shift) {
        const float* cell = at + (shift / 3) * row_stride + (shift % 3) * kPatchLanes;
        sums[shift] += weight * *reinterpret_cast<const Vector*>(cell);
      }
    }
  }
  Vector largest = sums[0];
#pragma GCC unroll 8
  for (int shift = 1; shift < 9; ++shift) largest = largest > sums[shift] ? largest : sums[shift];
  *reinterpret_cast<Vector*>(out) = largest;
}
