#include "trainer/flat_parameters.h"

#include <utility>

#include "serving/model/batch_norm.h"

namespace perennial::trainer {

FlatParameters::FlatParameters(model::Model& model, bool with_gradients, bool channels_last)
    : model_(model), with_gradients_(with_gradients), channels_last_(channels_last) {
  Rebind();
}

torch::Tensor FlatParameters::View(const torch::Tensor& flat, const FlatLayout::Segment& segment) const {
  const torch::Tensor part = flat.narrow(0, segment.offset, segment.size);
  const std::vector<int64_t>& shape = segment.shape;
  if (!channels_last_ || shape.size() != 4) return part.view(shape);
  return part.view({shape[0], shape[2], shape[3], shape[1]}).permute({0, 3, 1, 2});
}

torch::Tensor FlatParameters::Export(const torch::Tensor& flat) const {
  torch::Tensor host = flat.detach().to(torch::kCPU);
  if (!channels_last_) return host.clone();
  torch::Tensor out = host.clone();
  for (const FlatLayout::Segment& segment : layout_.segments) {
    if (segment.shape.size() != 4) continue;
    out.narrow(0, segment.offset, segment.size).view(segment.shape).copy_(View(host, segment));
  }
  return out;
}

void FlatParameters::Import(const torch::Tensor& exported, torch::Tensor flat) const {
  const torch::NoGradGuard no_grad;
  if (!channels_last_) {
    flat.copy_(exported);
    return;
  }
  const torch::Tensor host = exported.clone();
  for (const FlatLayout::Segment& segment : layout_.segments) {
    if (segment.shape.size() != 4) continue;
    View(host, segment).copy_(exported.narrow(0, segment.offset, segment.size).view(segment.shape));
  }
  flat.copy_(host);
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
    const torch::Tensor view = View(values_, segment);
    view.copy_(parameter);
    parameter.set_data(view);
    const bool learns = with_gradients_ && !model::IsStatistic(segment.name);
    parameter.set_requires_grad(learns);
    if (learns) {
      // Autograd adds into a gradient that is already there, in place: the view stays.
      parameter.mutable_grad() = View(gradients_, segment);
    } else {
      parameter.mutable_grad().reset();
    }
  }
  return before;
}

}  // namespace perennial::trainer
