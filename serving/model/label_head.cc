#include "serving/model/label_head.h"

#include <algorithm>
#include <cmath>

#include "serving/model/initialise.h"

namespace perennial::model {
namespace {

void ResizeRows(torch::Tensor& parameter, int64_t rows) {
  auto shape = parameter.sizes().vec();
  shape[0] = rows;
  auto resized = torch::zeros(shape, parameter.options().requires_grad(false));
  const int64_t kept = std::min(rows, parameter.size(0));
  resized.narrow(0, 0, kept).copy_(parameter.narrow(0, 0, kept));
  parameter.set_data(resized);
  parameter.mutable_grad() = torch::Tensor();
}

}  // namespace

void ResizeHead(torch::Tensor weight, torch::Tensor bias, int64_t labels) {
  const torch::NoGradGuard no_grad;
  ResizeRows(weight, labels);
  ResizeRows(bias, labels);
}

void InitialiseHeadRows(const Dense& head, int64_t first, uint64_t seed) {
  const torch::NoGradGuard no_grad;
  const int64_t width = head.weight().size(1);
  const double bound = 1.0 / std::sqrt(static_cast<double>(width));
  for (int64_t row = first; row < head.weight().size(0); ++row) {
    Rng rng(seed, static_cast<uint64_t>(row));
    auto values = torch::empty({width + 1});
    FillUniform(values, bound, rng);
    head.weight()[row].copy_(values.narrow(0, 0, width));
    head.bias()[row].copy_(values[width]);
  }
}

void GrowHead(const Dense& head, int64_t labels, uint64_t seed) {
  const int64_t first = head.weight().size(0);
  TORCH_CHECK(labels >= first, "a head of ", first, " labels cannot grow to ", labels);
  if (labels == first) return;
  ResizeHead(head.weight(), head.bias(), labels);
  InitialiseHeadRows(head, first, seed);
}

}  // namespace perennial::model
