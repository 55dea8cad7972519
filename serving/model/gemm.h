#pragma once

#include <cstdint>

namespace perennial::model {

// A row-major f32 matrix, or its transpose, inside a larger buffer. Borrows.
struct MatrixRef {
  const float* data = nullptr;
  int64_t stride = 0;       // elements between the starts of two stored rows
  bool transposed = false;  // read as its transpose
};

// True when this build has a fast single-precision product for the processor. LibTorch of Debian 12 sends torch::mm to
// the reference BLAS (3 GFLOP/s here) although oneDNN, which it links for its convolutions, does 90; LibTorch with MKL
// needs no help and gets none.
bool HasGemm();

// c[rows, columns] = alpha * a[rows, inner] * b[inner, columns] + beta * c, c's rows `c_stride` apart. Thread-safe; as
// many threads as LibTorch has. With any size 0 nothing is read: c is scaled by beta. REQUIRES HasGemm().
void Gemm(int64_t rows, int64_t columns, int64_t inner, float alpha, MatrixRef a, MatrixRef b, float beta, float* c,
          int64_t c_stride);

}  // namespace perennial::model
