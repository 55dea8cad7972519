#include "trainer/adamw_kernel.h"

#include <algorithm>
#include <cmath>

namespace perennial::trainer {

void AdamWPass(float* __restrict weights, const float* __restrict gradients, float* __restrict moment1,
               float* __restrict moment2, size_t count, const AdamWCoefficients& coefficients) {
  const AdamWCoefficients c = coefficients;
  const float fresh1 = 1 - c.beta1;
  const float fresh2 = 1 - c.beta2;
  for (size_t i = 0; i < count; ++i) {
    const float gradient = gradients[i] * c.gradient_scale;
    const float m = c.beta1 * moment1[i] + fresh1 * gradient;
    const float v = c.beta2 * moment2[i] + fresh2 * gradient * gradient;
    moment1[i] = m;
    moment2[i] = v;
    weights[i] = weights[i] * c.keep - c.rate * m / (std::sqrt(v) * c.inverse_root + c.epsilon);
  }
}

double SumOfSquares(const float* values, size_t count) {
  constexpr size_t kLanes = 16;
  constexpr size_t kBlock = 4096;
  double total = 0;
  for (size_t begin = 0; begin < count; begin += kBlock) {
    const size_t end = std::min(count, begin + kBlock);
    float lanes[kLanes] = {};
    size_t i = begin;
    for (; i + kLanes <= end; i += kLanes) {
      for (size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += values[i + lane] * values[i + lane];
    }
    for (size_t lane = 0; i < end; ++i, ++lane) lanes[lane] += values[i] * values[i];
    for (const float lane : lanes) total += static_cast<double>(lane);
  }
  return total;
}

}  // namespace perennial::trainer
