#include "trainer/flat_parameters.h"

#include <utility>

#include "serving/model/batch_norm.h"

namespace perennial::trainer {

FlatParameters::FlatParameters(model::Model& model, bool with_gradients)
    : model_(model), with_gradients_(with_gradients) {
  Rebind();
}

FlatLayout FlatParameters::Rebind() {
  const torch::NoGradGuard no_grad;
  FlatLayout before = std::exchange(layout_, FlatLayout::Of(model_));
  auto parameters = model_.named_parameters();
  const torch::Device device =
      parameters.is_empty() ? torch::Device(torch::kCPU) : parameters.begin()->value().device();
  const auto options = torch::TensorOptions().dtype(torch::kFloat32).device(device);
  values_ = torch::zeros({layout_.total}, options);
  if (with_gradients_) gradients_ = torch::zeros({layout_.total}, options);
  for (const FlatLayout::Segment& segment : layout_.segments) {
    torch::Tensor& parameter = parameters[segment.name];
    torch::Tensor view = values_.narrow(0, segment.offset, segment.size).view(segment.shape);
    view.copy_(parameter);
    parameter.set_data(view);
    const bool learns = with_gradients_ && !model::IsStatistic(segment.name);
    parameter.set_requires_grad(learns);
    if (learns) {
      // Autograd adds into a gradient that is already there, in place: the view stays.
      parameter.mutable_grad() = gradients_.narrow(0, segment.offset, segment.size).view(segment.shape);
    } else {
      parameter.mutable_grad().reset();
    }
  }
  return before;
}

}  // namespace perennial::trainer
