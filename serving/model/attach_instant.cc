#include <algorithm>
#include <cmath>
#include <string>

#include "serving/model/instant_head.h"

namespace perennial::model {
namespace {

using format::TensorKind;
using format::TensorRecord;
using format::VersionImage;

constexpr float kLargestCode = 127;
constexpr float kHeadroom = 1.25f;  // room for a row to grow before its scale must change
constexpr float kLeastUse = 0.4f;   // of the codes' range: below, precision is given away and the scale is made anew

Status CheckSizes(const VersionImage& backbone, const std::vector<std::string>& labels, const format::InstantSpec& spec,
                  const InstantSolution& solution, const InstantUse& use) {
  PERENNIAL_RETURN_IF_ERROR(spec.Validate());
  const size_t count = labels.size();
  if (count < backbone.labels.size() || !std::equal(backbone.labels.begin(), backbone.labels.end(), labels.begin())) {
    return InvalidArgument("instant head: its labels do not start with those of the network",
                           "give the labels in the order of first sight");
  }
  const auto width = static_cast<size_t>(spec.width);
  const bool fits = solution.features == spec.width && solution.bias.size() == count && solution.mean.size() == width &&
                    solution.weight.size() == count * width && use.blend.size() == count && use.temperature > 0 &&
                    (use.offset.empty() || use.offset.size() == count);
  if (!fits) {
    return InvalidArgument("instant head: the solution is for " + std::to_string(solution.labels()) + " labels and " +
                           std::to_string(solution.features) + " features, the version has " + std::to_string(count) +
                           " and " + std::to_string(spec.width));
  }
  const auto finite = [](double value) { return std::isfinite(value); };
  if (!std::all_of(solution.weight.begin(), solution.weight.end(), finite)) {
    return FailedPrecondition("instant head: the solution holds NaN or infinity", "raise the ridge");
  }
  return Status::Ok();
}

// The scale that row `c` has in `old`, or 0.
float FormerScale(const TensorRecord* old, size_t c) {
  return old != nullptr && c < old->scales.size() ? old->scales[c] : 0;
}

TensorRecord WeightRecord(const InstantSolution& solution, const TensorRecord* old) {
  const auto labels = static_cast<size_t>(solution.labels());
  const auto width = static_cast<size_t>(solution.features);
  TensorRecord record{"instant.weight", TensorKind::kInt8Rows, {solution.labels(), solution.features}, {}, {}, {}};
  record.codes.resize(labels * width);
  for (size_t c = 0; c < labels; ++c) {
    const double* row = solution.weight.data() + c * width;
    double largest = 0;
    for (size_t j = 0; j < width; ++j) largest = std::max(largest, std::fabs(row[j]));
    float scale = FormerScale(old, c);
    const double reach = static_cast<double>(scale) * static_cast<double>(kLargestCode);
    if (largest > reach || largest < static_cast<double>(kLeastUse) * reach) {
      scale = static_cast<float>(largest) * kHeadroom / kLargestCode;
    }
    if (!(scale > 0)) scale = 1;  // a label without samples
    record.scales.push_back(scale);
    for (size_t j = 0; j < width; ++j) {
      const double code = std::nearbyint(row[j] / static_cast<double>(scale));
      record.codes[c * width + j] = static_cast<int8_t>(std::clamp(code, -127.0, 127.0));
    }
  }
  return record;
}

// bias_c - (rounded weight_c) . mean, so that the mean score is what it was before rounding.
TensorRecord BiasRecord(const InstantSolution& solution, const TensorRecord& weight) {
  TensorRecord record{"instant.bias", TensorKind::kFloat32, {solution.labels()}, {}, {}, {}};
  const auto width = static_cast<size_t>(solution.features);
  for (size_t c = 0; c < solution.bias.size(); ++c) {
    double at_mean = 0;
    for (size_t j = 0; j < width; ++j) {
      at_mean += static_cast<double>(weight.codes[c * width + j]) * solution.mean[j];
    }
    record.values.push_back(static_cast<float>(solution.bias[c] - at_mean * static_cast<double>(weight.scales[c])));
  }
  return record;
}

// Rows for labels that the network does not know.
Status GrowNetworkHead(VersionImage& image, size_t labels) {
  for (TensorRecord& tensor : image.tensors) {
    if (tensor.name != "head.weight" && tensor.name != "head.bias") continue;
    if (tensor.kind != TensorKind::kFloat32 || tensor.shape.empty()) {
      return InvalidArgument("instant head: the network's head is not of 32-bit floats, it cannot grow");
    }
    tensor.shape[0] = static_cast<int64_t>(labels);
    tensor.values.resize(static_cast<size_t>(tensor.NumElements()), tensor.name == "head.bias" ? kNeverWins : 0.0f);
  }
  return Status::Ok();
}

}  // namespace

Result<VersionImage> NetworkWithLabels(const VersionImage& version, const std::vector<std::string>& labels) {
  const size_t known = version.labels.size();
  if (labels.size() < known || !std::equal(version.labels.begin(), version.labels.end(), labels.begin())) {
    return InvalidArgument("the labels do not start with those of the version",
                           "give the labels in the order of first sight");
  }
  VersionImage image = version;
  image.tensors.resize(version.NetworkTensors());
  image.instant.reset();
  image.labels = labels;
  if (labels.size() > known) PERENNIAL_RETURN_IF_ERROR(GrowNetworkHead(image, labels.size()));
  return image;
}

size_t TrainedLabels(const VersionImage& version) {
  size_t trained = version.labels.size();
  for (size_t i = 0; i < version.NetworkTensors(); ++i) {
    const TensorRecord& tensor = version.tensors[i];
    if (tensor.name != "head.bias" || tensor.kind != TensorKind::kFloat32) continue;
    while (trained > 0 && trained <= tensor.values.size() && tensor.values[trained - 1] <= kNeverWins) --trained;
  }
  return trained;
}

Result<VersionImage> AttachInstant(const VersionImage& backbone, const std::vector<std::string>& labels,
                                   const format::InstantSpec& spec, const InstantSolution& solution,
                                   const InstantUse& use) {
  PERENNIAL_RETURN_IF_ERROR(CheckSizes(backbone, labels, spec, solution, use));
  VersionImage image = backbone;
  const TensorRecord* old = nullptr;
  if (backbone.instant == spec && backbone.NetworkTensors() < backbone.tensors.size()) {
    old = &backbone.tensors[backbone.NetworkTensors()];
  }
  image.tensors.resize(backbone.NetworkTensors());
  image.labels = labels;
  if (labels.size() > backbone.labels.size()) PERENNIAL_RETURN_IF_ERROR(GrowNetworkHead(image, labels.size()));
  TensorRecord weight = WeightRecord(solution, old);
  TensorRecord bias = BiasRecord(solution, weight);
  image.tensors.push_back(std::move(weight));
  image.tensors.push_back(std::move(bias));
  image.tensors.push_back({"instant.blend", TensorKind::kFloat32, {solution.labels()}, {}, {}, use.blend});
  image.tensors.push_back({"instant.temperature", TensorKind::kFloat32, {1}, {}, {}, {use.temperature}});
  std::vector<float> offset = use.offset;
  offset.resize(labels.size());
  image.tensors.push_back({"instant.offset", TensorKind::kFloat32, {solution.labels()}, {}, {}, std::move(offset)});
  image.instant = spec;
  PERENNIAL_RETURN_IF_ERROR(image.Validate());
  return image;
}

}  // namespace perennial::model
