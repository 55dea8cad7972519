#include "serving/model/instant_head.h"

#include <algorithm>
#include <cmath>
#include <string_view>

namespace perennial::model {
namespace {

using format::TensorKind;
using format::TensorRecord;

// The tensors in the order in which they stand in a version.
constexpr const char* kWeight = "instant.weight";
constexpr const char* kBias = "instant.bias";
constexpr const char* kBlend = "instant.blend";
constexpr const char* kTemperature = "instant.temperature";
constexpr const char* kOffset = "instant.offset";
constexpr size_t kTensors = 5;

Status CheckTensor(const format::VersionImage& image, size_t index, const char* name, TensorKind kind,
                   const std::vector<int64_t>& shape) {
  const TensorRecord& tensor = image.tensors[image.NetworkTensors() + index];
  if (tensor.name == name && tensor.kind == kind && tensor.shape == shape) return Status::Ok();
  return Corruption("instant head: tensor '" + tensor.name + "' is not the '" + name +
                    "' that spec and labels ask for");
}

Status CheckFits(const format::VersionImage& image) {
  if (!image.instant) return FailedPrecondition("this version has no instant head");
  if (const Status valid = image.Validate(); !valid.ok()) return Corruption("instant head: " + valid.message());
  if (image.tensors.size() - image.NetworkTensors() != kTensors) {
    return Corruption("instant head: a version has five tensors for it, not " +
                      std::to_string(image.tensors.size() - image.NetworkTensors()));
  }
  const auto labels = static_cast<int64_t>(image.labels.size());
  PERENNIAL_RETURN_IF_ERROR(CheckTensor(image, 0, kWeight, TensorKind::kInt8Rows, {labels, image.instant->width}));
  PERENNIAL_RETURN_IF_ERROR(CheckTensor(image, 1, kBias, TensorKind::kFloat32, {labels}));
  PERENNIAL_RETURN_IF_ERROR(CheckTensor(image, 2, kBlend, TensorKind::kFloat32, {labels}));
  PERENNIAL_RETURN_IF_ERROR(CheckTensor(image, 3, kTemperature, TensorKind::kFloat32, {1}));
  PERENNIAL_RETURN_IF_ERROR(CheckTensor(image, 4, kOffset, TensorKind::kFloat32, {labels}));
  const TensorRecord* tensors = image.tensors.data() + image.NetworkTensors();
  const auto& blend = tensors[2].values;
  if (!std::all_of(blend.begin(), blend.end(), [](float g) { return g >= 0 && g <= 1; })) {
    return Corruption("instant head: a blend weight is not in [0, 1]");
  }
  const auto& offset = tensors[4].values;
  if (!std::all_of(offset.begin(), offset.end(), [](float o) { return std::fabs(o) <= kLargestInstantOffset; })) {
    return Corruption("instant head: an offset is not in [-30, 30]");
  }
  if (!(tensors[3].values[0] > 0)) return Corruption("instant head: the temperature is not positive");
  return Status::Ok();
}

}  // namespace

RandomFeatureOptions FeatureOptions(const format::InstantSpec& spec, const format::ModelSpec& network) {
  return {spec.width, spec.seed, network.image_size};
}

InstantHead::InstantHead(RandomFeatures features, const format::VersionImage& image) : features_(std::move(features)) {
  const TensorRecord* tensors = image.tensors.data() + image.NetworkTensors();
  codes_ = tensors[0].codes;
  scales_ = tensors[0].scales;
  bias_ = tensors[1].values;
  use_.blend = tensors[2].values;
  use_.temperature = tensors[3].values[0];
  use_.offset = tensors[4].values;
  factor_ = BlendFactors(use_);
  const auto zero = [](float value) { return value == 0; };
  idle_ = std::all_of(use_.blend.begin(), use_.blend.end(), zero) &&
          std::all_of(use_.offset.begin(), use_.offset.end(), zero);
}

Result<std::shared_ptr<const InstantHead>> InstantHead::FromImage(const format::VersionImage& image) {
  PERENNIAL_RETURN_IF_ERROR(CheckFits(image));
  PERENNIAL_ASSIGN_OR_RETURN(RandomFeatures features, RandomFeatures::Make(FeatureOptions(*image.instant, image.spec)));
  return std::shared_ptr<const InstantHead>(new InstantHead(std::move(features), image));
}

void InstantHead::Scores(const float* features, int64_t batch, float* out) const {
  const int64_t width = features_.features();
  std::vector<int16_t> row(static_cast<size_t>(width));
  for (int64_t i = 0; i < batch; ++i) {
    const float* from = features + i * width;
    for (int64_t j = 0; j < width; ++j) row[static_cast<size_t>(j)] = static_cast<int16_t>(from[j]);
    for (int64_t c = 0; c < labels(); ++c) {
      const int8_t* codes = codes_.data() + c * width;
      int32_t sum = 0;  // at most 16384 * 127 * 127: no overflow
      for (int64_t j = 0; j < width; ++j) sum += static_cast<int32_t>(row[static_cast<size_t>(j)]) * codes[j];
      const auto label = static_cast<size_t>(c);
      *out++ = static_cast<float>(static_cast<double>(sum) * static_cast<double>(scales_[label]) +
                                  static_cast<double>(bias_[label]));
    }
  }
}

void SoftmaxWithTemperature(float* p, int64_t rows, int64_t labels, float temperature) {
  for (int64_t row = 0; row < rows; ++row, p += labels) {
    if (labels == 0) return;
    const float largest = *std::max_element(p, p + labels);
    float sum = 0;
    for (int64_t c = 0; c < labels; ++c) sum += p[c] = std::exp((p[c] - largest) / temperature);
    for (int64_t c = 0; c < labels; ++c) p[c] /= sum;
  }
}

std::vector<float> BlendFactors(const InstantUse& use) {
  std::vector<float> factors;
  factors.reserve(use.offset.size());
  for (const float offset : use.offset) factors.push_back(std::exp(offset));
  return factors;
}

void BlendRow(const float* q, const std::vector<float>& blend, const std::vector<float>& factor, float* p) {
  const size_t labels = blend.size();
  // Labels that are the instant head's alone keep its q. The others' best gets what the head gives its best of them.
  const auto alone = [&](size_t c) { return p[c] == 0 && blend[c] == 1; };
  float best_mixed = 0, best_own = 0;
  bool any_alone = false;
  for (size_t c = 0; c < labels; ++c) {
    if (alone(c)) {
      any_alone = true;
      continue;
    }
    best_mixed = std::max(best_mixed, (1 - blend[c]) * p[c] + blend[c] * q[c]);
    best_own = std::max(best_own, q[c]);
  }
  const float rest = any_alone && best_mixed > 0 ? best_own / best_mixed : 1;
  float sum = 0;
  for (size_t c = 0; c < labels; ++c) {
    const float mixed = alone(c) ? q[c] : rest * ((1 - blend[c]) * p[c] + blend[c] * q[c]);
    sum += p[c] = factor.empty() ? mixed : factor[c] * mixed;
  }
  // Nothing is left where every label with a share said 0: the trained head said it all about labels without one.
  if (sum <= 0) {
    std::copy_n(q, labels, p);
    return;
  }
  for (size_t c = 0; c < labels; ++c) p[c] /= sum;
}

void InstantHead::BlendInto(const FeatureInput& input, float* probabilities) const {
  if (idle_ || input.batch == 0) return;
  std::vector<float> features(static_cast<size_t>(input.batch * features_.features()));
  features_.Extract(input, features.data());
  BlendFeatures(features.data(), input.batch, probabilities);
}

void InstantHead::BlendFeatures(const float* features, int64_t batch, float* probabilities) const {
  if (idle_ || batch == 0) return;
  std::vector<float> own(static_cast<size_t>(batch * labels()));
  Scores(features, batch, own.data());
  SoftmaxWithTemperature(own.data(), batch, labels(), use_.temperature);
  for (int64_t i = 0; i < batch; ++i) {
    BlendRow(own.data() + i * labels(), use_.blend, factor_, probabilities + i * labels());
  }
}

uint64_t InstantHead::bytes() const {
  return features_.bytes() + codes_.size() +
         (scales_.size() + bias_.size() + use_.blend.size() + 2 * use_.offset.size()) * sizeof(float);
}

}  // namespace perennial::model
