#pragma once

#include <cstdint>

namespace perennial::trainer {

// Dense symmetric positive definite systems in double precision, on one thread: Debian's LibTorch hands its linear
// algebra to the reference LAPACK (1 GFLOP/s here). Row-major; only the upper triangle is read and written. The result
// is a function of the numbers alone on one build and processor. Thread-compatible.

// A = U^T U in place: the upper triangle of `a` [n, n] becomes U (right-looking, in blocks). False when a pivot is not
// positive or not finite, that is when A is not positive definite to working precision; `a` is then half done.
bool FactorCholesky(double* a, int64_t n);

// U^T Y = B in place. b: [n, columns], rows `stride` apart. REQUIRES `columns` a multiple of 4 (pad with zeros).
void SolveTransposed(const double* u, int64_t n, double* b, int64_t columns, int64_t stride);

// U X = Y in place; the same shapes.
void SolveUpper(const double* u, int64_t n, double* b, int64_t columns, int64_t stride);

}  // namespace perennial::trainer
