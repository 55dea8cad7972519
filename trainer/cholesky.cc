#include "trainer/cholesky.h"

#include <algorithm>
#include <limits>
#include <vector>

#define PERENNIAL_INLINE inline __attribute__((always_inline))

namespace perennial::trainer {
namespace {

constexpr int64_t kLanes = 4;        // doubles in a vector, rows of a tile
constexpr int64_t kBlock = 128;      // rows of U that one trailing update takes: a strip of 4 columns is 4 KiB
constexpr int64_t kInner = 16;       // a block row is itself factored in blocks: row by row is the slow kind of work
constexpr int64_t kStripGroup = 32;  // strips of 4 that stay in the second-level cache while all others pass
constexpr double kLargest = std::numeric_limits<double>::max();

constexpr int64_t Least(int64_t a, int64_t b) { return a < b ? a : b; }

// One panel of U, `rows` x [first, n), as strips of 4 columns: strip s holds [rows][4], zero beyond n.
struct Panel {
  int64_t rows = 0;
  int64_t strips = 0;
  std::vector<double> data;
  const double* Strip(int64_t s) const { return data.data() + s * rows * kLanes; }
};

void Pack(const double* u, int64_t n, int64_t row, int64_t rows, int64_t first, Panel& panel) {
  panel.rows = rows;
  panel.strips = (n - first + kLanes - 1) / kLanes;
  panel.data.assign(static_cast<size_t>(panel.strips * rows * kLanes), 0.0);
  for (int64_t k = 0; k < rows; ++k) {
    const double* from = u + (row + k) * n + first;
    for (int64_t j = 0; j < n - first; ++j) {
      panel.data[static_cast<size_t>(((j / kLanes) * rows + k) * kLanes + j % kLanes)] = from[j];
    }
  }
}

namespace baseline {
#include "trainer/cholesky_kernels.inl"
}  // namespace baseline

// Clang knows no such pragma, and its sanitizers none of the vector code's habits: both take the baseline.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#pragma GCC push_options
#pragma GCC target("avx2,fma")
namespace avx2 {
#include "trainer/cholesky_kernels.inl"
}  // namespace avx2
#pragma GCC pop_options

bool HasAvx2() {
  static const bool has = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return has;
}
#define PERENNIAL_CALL(function, ...) (HasAvx2() ? avx2::function(__VA_ARGS__) : baseline::function(__VA_ARGS__))
#else
#define PERENNIAL_CALL(function, ...) baseline::function(__VA_ARGS__)
#endif

}  // namespace

bool FactorCholesky(double* a, int64_t n) {
  Panel panel;
  for (int64_t row = 0; row < n; row += kBlock) {
    const int64_t end = std::min(row + kBlock, n);
    for (int64_t inner = row; inner < end; inner += kInner) {
      const int64_t next = std::min(inner + kInner, end);
      if (!PERENNIAL_CALL(FactorBlockRow, a, n, inner, next - inner)) return false;
      if (next == end) break;
      Pack(a, n, inner, next - inner, next, panel);
      PERENNIAL_CALL(UpdateRows, panel, a, n, next, end);
    }
    if (end == n) break;
    Pack(a, n, row, end - row, end, panel);
    PERENNIAL_CALL(UpdateRows, panel, a, n, end, n);
  }
  return true;
}

void SolveTransposed(const double* u, int64_t n, double* b, int64_t columns, int64_t stride) {
  PERENNIAL_CALL(SolveTransposed, u, n, b, columns, stride);
}

void SolveUpper(const double* u, int64_t n, double* b, int64_t columns, int64_t stride) {
  PERENNIAL_CALL(SolveUpper, u, n, b, columns, stride);
}

}  // namespace perennial::trainer
