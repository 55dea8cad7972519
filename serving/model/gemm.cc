#include "serving/model/gemm.h"

#ifdef PERENNIAL_HAS_ONEDNN
#include <oneapi/dnnl/dnnl.h>
#endif

#include <algorithm>

namespace perennial::model {

#ifdef PERENNIAL_HAS_ONEDNN

bool HasGemm() { return true; }

void Gemm(int64_t rows, int64_t columns, int64_t inner, float alpha, MatrixRef a, MatrixRef b, float beta, float* c,
          int64_t c_stride) {
  if (rows == 0 || columns == 0) return;
  if (inner == 0) {
    for (int64_t row = 0; row < rows; ++row) {
      std::for_each_n(c + row * c_stride, columns, [beta](float& value) { value = beta == 0 ? 0 : value * beta; });
    }
    return;
  }
  dnnl_sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', rows, columns, inner, alpha, a.data, a.stride, b.data,
             b.stride, beta, c, c_stride);
}

#else

bool HasGemm() { return false; }

void Gemm(int64_t, int64_t, int64_t, float, MatrixRef, MatrixRef, float, float*, int64_t) {}

#endif

}  // namespace perennial::model
