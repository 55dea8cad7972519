#include "trainer/instant_product.h"

#include <torch/torch.h>

#include "serving/model/gemm.h"

namespace perennial::trainer {

void ProductOverSamples(const float* a, int64_t rows, const float* b, int64_t columns, int64_t count, int64_t stride,
                        float* out) {
  if (model::HasGemm()) {
    model::Gemm(rows, columns, count, 1, {a, stride, true}, {b, stride, false}, 0, out, stride);
    return;
  }
  const torch::NoGradGuard no_grad;
  const auto view = [&](const float* data, int64_t width) {
    return torch::from_blob(const_cast<float*>(data), {count, width}, {stride, 1}, torch::kFloat32);
  };
  torch::from_blob(out, {rows, columns}, {stride, 1}, torch::kFloat32)
      .copy_(torch::mm(view(a, rows).t(), view(b, columns)));
}

}  // namespace perennial::trainer
