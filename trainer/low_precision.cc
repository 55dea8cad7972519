#include "trainer/low_precision.h"

#include "serving/model/batch_norm.h"
#include "serving/model/build_model.h"

namespace perennial::trainer {
namespace {

bool IsRounded(const FlatLayout::Segment& segment) {
  return segment.shape.size() >= 2 && !segment.name.starts_with("head.");
}

}  // namespace

LowPrecisionCopy::LowPrecisionCopy(const model::Model& like, const FlatParameters& source, bool learns)
    : source_(source), rounded_(source.values().to(torch::kBFloat16)) {
  auto built = model::BuildUninitialised(like.spec(), like.label_count());
  TORCH_CHECK(built.ok(), built.status().ToString());
  model_ = std::move(*built);
  const torch::NoGradGuard no_grad;
  auto parameters = model_->named_parameters();
  for (const FlatLayout::Segment& segment : source.layout().segments) {
    torch::Tensor& parameter = parameters[segment.name];
    parameter.set_data(source.View(IsRounded(segment) ? rounded_ : source.values(), segment));
    parameter.set_requires_grad(learns && !model::IsStatistic(segment.name));
  }
  model_->train(learns);
}

}  // namespace perennial::trainer
