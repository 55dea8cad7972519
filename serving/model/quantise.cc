#include "serving/model/quantise.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace perennial::model {
namespace {

using format::TensorKind;
using format::TensorRecord;

constexpr float kHeadroom = 1.5f;  // room for a row to grow before frozen scales cut it off
constexpr float kLargestCode = 127.0f;
constexpr uint32_t kDroppedBits = 13;  // of a float's significand of 24: 11 stay, as in half precision

struct CodeCount {
  uint64_t saturated = 0;
  uint64_t total = 0;
};

float LargestMagnitude(const float* values, size_t count) {
  float largest = 0;
  for (size_t i = 0; i < count; ++i) largest = std::max(largest, std::fabs(values[i]));
  return largest;
}

// scale[row] = max(largest magnitude of the row, 1 / sqrt(row size)) * headroom / 127. The second is the bound of fresh
// weights (serving/model/initialise.cc): a row that starts at zero will grow towards it, and a scale of its first tiny
// values would cut it off soon and spend bytes of every update on a precision nobody needs.
std::vector<float> ScalesOf(const float* values, size_t rows, size_t row_size) {
  const float least = 1.0f / std::sqrt(static_cast<float>(std::max<size_t>(row_size, 1)));
  std::vector<float> scales(rows);
  for (size_t row = 0; row < rows; ++row) {
    scales[row] = std::max(LargestMagnitude(values + row * row_size, row_size), least) * kHeadroom / kLargestCode;
  }
  return scales;
}

// To the nearest value with the low bits of the significand zero, ties to even; the exponent keeps its range.
float Rounded(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t half = (1u << (kDroppedBits - 1)) - 1 + ((bits >> kDroppedBits) & 1);
  const auto rounded = std::bit_cast<float>((bits + half) & ~((1u << kDroppedBits) - 1));
  return std::isfinite(rounded) ? rounded : value;  // the largest finite values stay
}

// code = value / scale rounded half to even (lrintf in the default rounding mode), cut off at +-127.
void WriteCodes(const float* values, size_t row_size, TensorRecord& record, CodeCount& count) {
  record.codes.resize(record.scales.size() * row_size);
  for (size_t row = 0; row < record.scales.size(); ++row) {
    const float scale = record.scales[row];
    for (size_t i = row * row_size; i < (row + 1) * row_size; ++i) {
      const float exact = std::nearbyintf(values[i] / scale);
      const float cut = std::clamp(exact, -kLargestCode, kLargestCode);
      count.saturated += cut != exact ? 1 : 0;
      record.codes[i] = static_cast<int8_t>(std::lrintf(cut));
    }
  }
  count.total += record.codes.size();
}

const TensorRecord* FindFrozen(const format::VersionImage* frozen, size_t index, const TensorRecord& record) {
  if (frozen == nullptr || index >= frozen->tensors.size()) return nullptr;
  const TensorRecord& old = frozen->tensors[index];
  const bool same = old.name == record.name && old.kind == TensorKind::kInt8Rows && old.shape == record.shape;
  return same ? &old : nullptr;
}

bool IsQuantised(const std::string& name, const torch::Tensor& value) {
  return value.dim() >= 2 && !name.starts_with("head.");
}

Result<TensorRecord> Record(const std::string& name, const torch::Tensor& parameter, size_t index,
                            const format::VersionImage* frozen, CodeCount& count) {
  const auto value = parameter.detach().to(torch::kCPU, torch::kFloat).contiguous();
  const float* data = value.data_ptr<float>();
  const auto size = static_cast<size_t>(value.numel());
  if (!std::all_of(data, data + size, [](float x) { return std::isfinite(x); })) {
    return FailedPrecondition("parameter '" + name + "' holds NaN or infinity: training has diverged",
                              "roll the trainer back to an earlier checkpoint and lower the learning rate");
  }
  TensorRecord record;
  record.name = name;
  record.shape = value.sizes().vec();
  if (!IsQuantised(name, value)) {
    record.values.resize(size);
    std::transform(data, data + size, record.values.begin(), Rounded);
    return record;
  }
  record.kind = TensorKind::kInt8Rows;
  const auto rows = static_cast<size_t>(value.size(0));
  const size_t row_size = rows == 0 ? 0 : size / rows;
  const TensorRecord* old = FindFrozen(frozen, index, record);
  record.scales = old != nullptr ? old->scales : ScalesOf(data, rows, row_size);
  WriteCodes(data, row_size, record, count);
  return record;
}

Status CheckArguments(const Model& model, const std::vector<std::string>& labels, const format::VersionImage* frozen) {
  if (static_cast<int64_t>(labels.size()) != model.label_count()) {
    return InvalidArgument("quantise: " + std::to_string(labels.size()) + " labels for a head of " +
                           std::to_string(model.label_count()));
  }
  if (frozen != nullptr && frozen->spec != model.spec()) {
    return InvalidArgument("quantise: the version whose scales to keep has another architecture",
                           "publish a snapshot with fresh scales");
  }
  return Status::Ok();
}

}  // namespace

Result<QuantiseOutcome> Quantise(const Model& model, const std::vector<std::string>& labels,
                                 const format::VersionImage* frozen, uint64_t new_scale_set) {
  PERENNIAL_RETURN_IF_ERROR(CheckArguments(model, labels, frozen));
  QuantiseOutcome outcome;
  outcome.image.spec = model.spec();
  outcome.image.labels = labels;
  outcome.image.scale_set = frozen != nullptr ? frozen->scale_set : new_scale_set;
  CodeCount count;
  try {
    for (const auto& item : model.named_parameters()) {
      const size_t index = outcome.image.tensors.size();
      PERENNIAL_ASSIGN_OR_RETURN(auto record, Record(item.key(), item.value(), index, frozen, count));
      outcome.image.tensors.push_back(std::move(record));
    }
  } catch (const std::exception& error) {
    return Internal(std::string("quantise: ") + error.what());
  }
  if (count.total > 0) {
    outcome.saturated_ratio = static_cast<double>(count.saturated) / static_cast<double>(count.total);
  }
  return outcome;
}

}  // namespace perennial::model
