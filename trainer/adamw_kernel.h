#pragma once

#include <cstddef>

// Plain loops over flat buffers, free of LibTorch so that the compiler may vectorise them (built with -fno-math-errno).
namespace perennial::trainer {

struct AdamWCoefficients {
  float gradient_scale = 1;  // from clipping
  float beta1 = 0.9f;
  float beta2 = 0.999f;
  float rate = 0;          // learning rate / (1 - beta1^t)
  float inverse_root = 1;  // 1 / sqrt(1 - beta2^t)
  float epsilon = 1e-8f;
  float keep = 1;  // 1 - learning rate * weight decay
};

// One fused pass: reads the gradient once, updates both moments and the weight.
void AdamWPass(float* weights, const float* gradients, float* moment1, float* moment2, size_t count,
               const AdamWCoefficients& c);

// Sum of squares in a fixed order (16 lanes, blocks added in double), so it is the same on every run.
double SumOfSquares(const float* values, size_t count);

}  // namespace perennial::trainer
