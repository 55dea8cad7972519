#include "trainer/interpolation.h"

#include "serving/model/instant_head.h"

namespace perennial::trainer {
namespace {

constexpr char kLabelBias[] = "head.bias";

// The last rows of a head that an instant head has grown (serving/model/instant_head.h).
int64_t NeverWinning(const model::Model& network) {
  const auto parameters = network.named_parameters();
  const torch::Tensor* bias = parameters.find(kLabelBias);
  return bias == nullptr ? 0 : (*bias <= model::kNeverWins).sum().item<int64_t>();
}

}  // namespace

bool HasLabelBias(const model::Model& model) { return model.named_parameters().contains(kLabelBias); }

void Interpolate(const model::Model& published, const model::Model& target, double share, int64_t offset_from,
                 double offset, model::Model& out) {
  const torch::NoGradGuard no_grad;
  const int64_t never_win = NeverWinning(published);
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
    // Rows that both have; only the head's number of rows may differ. Rows that never win are none.
    const int64_t rows = item.key().rfind("head.", 0) == 0 ? old->size(0) - never_win : old->size(0);
    torch::Tensor shared = mixed.narrow(0, 0, rows);
    shared.copy_(torch::lerp(old->narrow(0, 0, rows), shared, share));
  }
  if (offset == 0) return;
  auto parameters = out.named_parameters();
  torch::Tensor& bias = parameters[kLabelBias];
  bias.narrow(0, offset_from, bias.size(0) - offset_from).add_(offset);
}

}  // namespace perennial::trainer
