#include "trainer/stored_logits.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace perennial::trainer {
namespace {

constexpr float kLargestHalf = 65504.0F;

replay::ItemState StateOf(const float* row, int64_t labels, int64_t target) {
  replay::ItemState state;
  if (!std::all_of(row, row + labels, [](float logit) { return std::isfinite(logit); })) return state;
  const float highest = *std::max_element(row, row + labels);
  double sum = 0;
  state.logits.reserve(static_cast<size_t>(labels));
  for (int64_t i = 0; i < labels; ++i) {
    sum += std::exp(static_cast<double>(row[i] - highest));
    state.logits.push_back(c10::Half(std::clamp(row[i], -kLargestHalf, kLargestHalf)).x);
  }
  state.loss = static_cast<float>(std::log(sum) - static_cast<double>(row[target] - highest));
  return state;
}

}  // namespace

torch::Tensor StoredLogits(const ReplayDraw& replayed, int64_t labels) {
  const auto rows = static_cast<int64_t>(replayed.size());
  torch::Tensor stored =
      torch::full({rows, labels}, std::numeric_limits<float>::quiet_NaN(), torch::TensorOptions(torch::kFloat32));
  auto* row = stored.data_ptr<float>();
  for (const replay::Drawn& drawn : replayed) {
    if (drawn.state != nullptr) {
      std::transform(drawn.state->logits.begin(), drawn.state->logits.end(), row,
                     [](uint16_t bits) { return static_cast<float>(c10::Half(bits, c10::Half::from_bits())); });
    }
    row += labels;
  }
  return stored;
}

Result<std::vector<replay::ItemState>> StatesOf(const torch::Tensor& logits, const StepBatch& batch) {
  if (!logits.defined() || logits.dim() != 2 || logits.size(0) != batch.targets.size(0)) {
    return Internal("the strategy stores logits, but handed out none of the shape [batch, labels]");
  }
  const torch::Tensor targets = batch.targets.to(torch::kCPU).contiguous();
  const int64_t labels = logits.size(1);
  std::vector<replay::ItemState> states;
  for (int64_t i = 0; i < logits.size(0); ++i) {
    states.push_back(StateOf(logits.data_ptr<float>() + i * labels, labels, targets.data_ptr<int64_t>()[i]));
  }
  return states;
}

torch::Tensor AsStored(const torch::Tensor& logits) {
  const torch::Tensor exact = logits.to(torch::kFloat32);
  const torch::Tensor rounded = exact.clamp(-kLargestHalf, kLargestHalf).to(torch::kFloat16).to(torch::kFloat32);
  return rounded.masked_fill(exact.isfinite().all(1, true).logical_not(), std::numeric_limits<float>::quiet_NaN());
}

}  // namespace perennial::trainer
