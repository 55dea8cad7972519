// The inner loops of trainer/cholesky.cc, included there once for every instruction set, each time inside a namespace
// of its own: GCC lowers vector types before target_clones would clone a function. No header: it needs what cholesky.cc
// declares before it, and holds no code of the standard library that another file could get linked to.

using Vector = double __attribute__((vector_size(32), aligned(8), may_alias));

PERENNIAL_INLINE Vector& At(double* p) { return *reinterpret_cast<Vector*>(p); }
PERENNIAL_INLINE const Vector& At(const double* p) { return *reinterpret_cast<const Vector*>(p); }

// sums += sum over k < depth of a(r, k) x b_v(k): the tile that everything else is made of. a(r, k) lies at a + r *
// a_step_r + k * a_step_k, the four values of b_v(k) at b[v] + k * b_step. Indices into `sums` are constants once
// unrolled, so it stays in registers.
template <int R, int V>
PERENNIAL_INLINE void TileProduct(int64_t depth, const double* a, int64_t a_step_r, int64_t a_step_k,
                                  const double* const* b, int64_t b_step, Vector (&sums)[R][V]) {
  for (int64_t k = 0; k < depth; ++k) {
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      const double factor = a[r * a_step_r + k * a_step_k];
#pragma GCC unroll 3
      for (int v = 0; v < V; ++v) sums[r][v] += factor * At(b[v] + k * b_step);
    }
  }
}

// out -= sums, rows `stride` apart.
template <int R, int V>
PERENNIAL_INLINE void SubtractWhole(const Vector (&sums)[R][V], double* out, int64_t stride) {
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 3
    for (int v = 0; v < V; ++v) At(out + r * stride + v * kLanes) -= sums[r][v];
  }
}

// a[i.., j..] -= panel strip i x panel strips j .. j + V - 1, where that lies inside [n, n].
template <int V>
PERENNIAL_INLINE void UpdateTile(const Panel& panel, int64_t i, int64_t j, double* a, int64_t n, int64_t first) {
  const double* b[V];
  for (int v = 0; v < V; ++v) b[v] = panel.Strip(j + v);
  Vector sums[4][V] = {};
  TileProduct<4, V>(panel.rows, panel.Strip(i), 1, kLanes, b, kLanes, sums);
  const int64_t row = first + i * kLanes;
  const int64_t column = first + j * kLanes;
  if (column + V * kLanes <= n && row + kLanes <= n) {
    SubtractWhole<4, V>(sums, a + row * n + column, n);
    return;
  }
  double edge[4 * V * kLanes] = {};
  SubtractWhole<4, V>(sums, edge, V * kLanes);
  for (int64_t r = 0; r < kLanes && row + r < n; ++r) {
    for (int64_t c = 0; c < V * kLanes && column + c < n; ++c)
      a[(row + r) * n + column + c] += edge[r * V * kLanes + c];
  }
}

// Rows [first, row_end) of the upper triangle lose panel^T panel; `first` is also the panel's first column. Tiles on
// the diagonal write a few entries below it, which nobody reads.
inline void UpdateRows(const Panel& panel, double* a, int64_t n, int64_t first, int64_t row_end) {
  const int64_t row_strips = (row_end - first + kLanes - 1) / kLanes;
  for (int64_t group = 0; group < row_strips; group += kStripGroup) {
    const int64_t group_end = Least(group + kStripGroup, row_strips);
    for (int64_t j = group; j < panel.strips; j += 3) {
      const int64_t wide = Least(3, panel.strips - j);
      for (int64_t i = group; i < Least(group_end, j + wide); ++i) {
        if (wide == 3) UpdateTile<3>(panel, i, j, a, n, first);
        if (wide == 2) UpdateTile<2>(panel, i, j, a, n, first);
        if (wide == 1) UpdateTile<1>(panel, i, j, a, n, first);
      }
    }
  }
}

// The block row [row, row + rows) x [row, n): Cholesky of its diagonal block together with the solve of what is right
// of it, row by row.
inline bool FactorBlockRow(double* a, int64_t n, int64_t row, int64_t rows) {
  for (int64_t k = row; k < row + rows; ++k) {
    double* pivot_row = a + k * n;
    const double pivot = pivot_row[k];
    if (!(pivot > 0) || pivot > kLargest) return false;
    const double root = __builtin_sqrt(pivot);
    const double inverse = 1 / root;
    pivot_row[k] = root;
    for (int64_t j = k + 1; j < n; ++j) pivot_row[j] *= inverse;
    for (int64_t i = k + 1; i < row + rows; ++i) {
      const double factor = pivot_row[i];
      double* out = a + i * n;
      for (int64_t j = i; j < n; ++j) out[j] -= factor * pivot_row[j];
    }
  }
  return true;
}

// out(r, c..) -= sum over k < depth of u(r, k) * y(k, c..) for R rows of `columns` each; u(r, k) lies at u + r *
// u_step_r
// + k * u_step_k.
template <int R>
PERENNIAL_INLINE void SubtractRows(const double* u, int64_t u_step_r, int64_t u_step_k, int64_t depth, const double* y,
                                   int64_t columns, int64_t stride, double* out) {
  int64_t c = 0;
  for (; c + 12 <= columns; c += 12) {
    const double* b[3] = {y + c, y + c + 4, y + c + 8};
    Vector sums[R][3] = {};
    TileProduct<R, 3>(depth, u, u_step_r, u_step_k, b, stride, sums);
    SubtractWhole<R, 3>(sums, out + c, stride);
  }
  for (; c + 4 <= columns; c += 4) {
    const double* b[1] = {y + c};
    Vector sums[R][1] = {};
    TileProduct<R, 1>(depth, u, u_step_r, u_step_k, b, stride, sums);
    SubtractWhole<R, 1>(sums, out + c, stride);
  }
}

inline void Scale(double* row, int64_t columns, double factor) {
  for (int64_t c = 0; c < columns; ++c) row[c] *= factor;
}

inline void SolveTransposed(const double* u, int64_t n, double* b, int64_t columns, int64_t stride) {
  for (int64_t row = 0; row < n; row += kBlock) {
    const int64_t end = Least(row + kBlock, n);
    const double* y = b + row * stride;
    for (int64_t i = row; i < end; ++i) {
      SubtractRows<1>(u + row * n + i, 1, n, i - row, y, columns, stride, b + i * stride);
      Scale(b + i * stride, columns, 1 / u[i * n + i]);
    }
    int64_t i = end;
    for (; i + 4 <= n; i += 4) {
      SubtractRows<4>(u + row * n + i, 1, n, end - row, y, columns, stride, b + i * stride);
    }
    for (; i < n; ++i) SubtractRows<1>(u + row * n + i, 1, n, end - row, y, columns, stride, b + i * stride);
  }
}

inline void SolveUpper(const double* u, int64_t n, double* b, int64_t columns, int64_t stride) {
  for (int64_t end = n; end > 0;) {
    const int64_t row = end < kBlock ? 0 : end - kBlock;
    for (int64_t i = end - 1; i >= row; --i) {
      SubtractRows<1>(u + i * n + i + 1, n, 1, end - 1 - i, b + (i + 1) * stride, columns, stride, b + i * stride);
      Scale(b + i * stride, columns, 1 / u[i * n + i]);
    }
    const double* x = b + row * stride;
    int64_t i = 0;
    for (; i + 4 <= row; i += 4) {
      SubtractRows<4>(u + i * n + row, n, 1, end - row, x, columns, stride, b + i * stride);
    }
    for (; i < row; ++i) SubtractRows<1>(u + i * n + row, n, 1, end - row, x, columns, stride, b + i * stride);
    end = row;
  }
}
