#include "serving/model/softmax_rows.h"

#include <bit>
#include <limits>

// One body, compiled for the baseline and for AVX2 with FMA; the loader picks. Clang's thread and address sanitizers
// run before ifunc resolution, so sanitized builds take the baseline.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define PERENNIAL_CLONES __attribute__((target_clones("arch=haswell", "default")))
#else
#define PERENNIAL_CLONES
#endif

namespace perennial::model {
namespace {

// e^x for x <= 0 by x = n ln 2 + r: a polynomial in r (Cephes' expf, error 2 ulp) times 2^n set in the exponent bits.
// Branch-free, so the loops below become vector code.
inline float ExpNonPositive(float x) {
  constexpr float kLowest = -87.0f;        // below, 2^n would leave the normal range
  constexpr float kRounder = 12582912.0f;  // 1.5 * 2^23: adding and taking it away rounds to an integer
  const float clamped = x < kLowest ? kLowest : x;
  const float n = (clamped * 1.44269504088896341f + kRounder) - kRounder;
  const float r = (clamped - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const float power = std::bit_cast<float>((static_cast<int32_t>(n) + 127) << 23);
  return x < kLowest ? 0.0f : p * power;
}

}  // namespace

PERENNIAL_CLONES
void SoftmaxRows(float* scores, const float* bias, int64_t rows, int64_t columns) {
  for (int64_t row = 0; row < rows; ++row) {
    float* s = scores + row * columns;
    float largest = std::numeric_limits<float>::lowest();
#pragma omp simd reduction(max : largest)
    for (int64_t j = 0; j < columns; ++j) {
      s[j] += bias[j];
      largest = largest > s[j] ? largest : s[j];
    }
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < columns; ++j) {
      s[j] = ExpNonPositive(s[j] - largest);
      sum += s[j];
    }
    const float inverse = 1.0f / sum;
#pragma omp simd
    for (int64_t j = 0; j < columns; ++j) s[j] *= inverse;
  }
}

PERENNIAL_CLONES
void SoftmaxRowsBackward(const float* probabilities, float* gradient, int64_t rows, int64_t columns) {
  for (int64_t row = 0; row < rows; ++row) {
    const float* p = probabilities + row * columns;
    float* g = gradient + row * columns;
    float dot = 0;
#pragma omp simd reduction(+ : dot)
    for (int64_t j = 0; j < columns; ++j) dot += g[j] * p[j];
#pragma omp simd
    for (int64_t j = 0; j < columns; ++j) g[j] = p[j] * (g[j] - dot);
  }
}

}  // namespace perennial::model
