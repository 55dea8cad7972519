#include "serving/model/patch_maximum.h"

namespace perennial::model {
namespace {

namespace baseline {
#include "serving/model/patch_kernels.inl"
}  // namespace baseline

// Clang knows no such pragma, and sanitized builds are not for speed: both take the baseline.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define PERENNIAL_HAS_AVX2_KERNELS
#pragma GCC push_options
#pragma GCC target("avx2,fma")
namespace avx2 {
#include "serving/model/patch_kernels.inl"
}  // namespace avx2
#pragma GCC pop_options
#endif

}  // namespace

void PatchMaximum(const float* corner, int64_t row_stride, const float* weights, int64_t height, int64_t width,
                  float* out) {
#ifdef PERENNIAL_HAS_AVX2_KERNELS
  static const bool fast = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (fast) {
    avx2::PatchMaximum(corner, row_stride, weights, height, width, out);
    return;
  }
#endif
  baseline::PatchMaximum(corner, row_stride, weights, height, width, out);
}

}  // namespace perennial::model
