#include "trainer/interpolation.h"

namespace perennial::trainer {
namespace {

constexpr char kLabelBias[] = "head.bias";

}  // namespace

bool HasLabelBias(const model::Model& model) { return model.named_parameters().contains(kLabelBias); }

void Interpolate(const model::Model& published, const model::Model& target, double share, int64_t offset_from,
                 double offset, model::Model& out) {
  const torch::NoGradGuard no_grad;
  const auto from = published.named_parameters();
  const auto to = target.named_parameters();
  for (auto& item : out.named_parameters()) {
    torch::Tensor& mixed = item.value();
    mixed.copy_(to[item.key()]);
    const torch::Tensor* old = from.find(item.key());
    if (old == nullptr || old->dim() != mixed.dim()) continue;
    if (mixed.dim() == 0) {
      mixed.copy_(torch::lerp(*old, mixed, share));
      continue;
    }
    // Rows that both have; only the head's number of rows may differ.
    torch::Tensor shared = mixed.narrow(0, 0, old->size(0));
    shared.copy_(torch::lerp(*old, shared, share));
  }
  if (offset == 0) return;
  auto parameters = out.named_parameters();
  torch::Tensor& bias = parameters[kLabelBias];
  bias.narrow(0, offset_from, bias.size(0) - offset_from).add_(offset);
}

}  // namespace perennial::trainer
