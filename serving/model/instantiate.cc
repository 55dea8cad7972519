#include <string>
#include <utility>

#include "serving/model/build_model.h"
#include "serving/model/label_head.h"
#include "serving/model/quantise.h"

namespace perennial::model {
namespace {

using format::TensorKind;
using format::TensorRecord;

using Parameters = torch::OrderedDict<std::string, torch::Tensor>;

constexpr const char* kHeadWeight = "head.weight";
constexpr const char* kHeadBias = "head.bias";

// The head's first dimension is the label count; all other shapes come from the spec.
bool ShapeFits(const TensorRecord& record, const torch::Tensor& parameter, int64_t labels) {
  auto expected = parameter.sizes().vec();
  if (record.name == kHeadWeight || record.name == kHeadBias) expected[0] = labels;
  return record.shape == expected;
}

// All checks before the first write, so that a version which does not fit leaves the model as it was.
Status CheckFits(const format::VersionImage& image, const Parameters& parameters) {
  if (const Status valid = image.Validate(); !valid.ok()) return Corruption("version image: " + valid.message());
  if (image.NetworkTensors() != parameters.size()) {
    return Corruption("version image has " + std::to_string(image.NetworkTensors()) + " tensors, its network " +
                      std::to_string(parameters.size()));
  }
  const auto labels = static_cast<int64_t>(image.labels.size());
  for (size_t i = 0; i < parameters.size(); ++i) {
    const TensorRecord& record = image.tensors[i];
    const auto& item = parameters[i];
    if (record.name != item.key()) {
      return Corruption("version image: tensor " + std::to_string(i) + " is '" + record.name + "', the network has '" +
                        item.key() + "' there");
    }
    if (!ShapeFits(record, item.value(), labels)) {
      return Corruption("version image: tensor '" + record.name + "' has a shape that does not fit the spec");
    }
  }
  return Status::Ok();
}

// value = code * scale. [rows, ...] f32 on the CPU.
torch::Tensor Dequantise(const TensorRecord& record) {
  auto values = torch::empty(record.shape);
  float* out = values.data_ptr<float>();
  if (record.kind == TensorKind::kFloat32) {
    std::copy(record.values.begin(), record.values.end(), out);
    return values;
  }
  const size_t row_size = record.scales.empty() ? 0 : record.codes.size() / record.scales.size();
  const int8_t* codes = record.codes.data();
  for (const float scale : record.scales) {
    for (size_t i = 0; i < row_size; ++i) *out++ = static_cast<float>(*codes++) * scale;
  }
  return values;
}

void CopyInto(const format::VersionImage& image, Parameters& parameters) {
  const torch::NoGradGuard no_grad;
  const auto labels = static_cast<int64_t>(image.labels.size());
  if (parameters[kHeadWeight].size(0) != labels) {
    ResizeHead(parameters[kHeadWeight], parameters[kHeadBias], labels);
  }
  for (size_t i = 0; i < parameters.size(); ++i) parameters[i].value().copy_(Dequantise(image.tensors[i]));
}

}  // namespace

Status LoadInto(const format::VersionImage& image, Model& model) {
  if (image.spec != model.spec()) {
    return FailedPrecondition("the version was made for another network than the one to load it into",
                              "instantiate it as a new model");
  }
  try {
    auto parameters = model.named_parameters();
    PERENNIAL_RETURN_IF_ERROR(CheckFits(image, parameters));
    CopyInto(image, parameters);
  } catch (const std::exception& error) {
    return Internal(std::string("load version: ") + error.what());
  }
  return Status::Ok();
}

Result<std::shared_ptr<Model>> Instantiate(const format::VersionImage& image, torch::Device device) {
  if (const Status valid = image.spec.Validate(); !valid.ok()) return Corruption("version image: " + valid.message());
  PERENNIAL_ASSIGN_OR_RETURN(auto model, BuildUninitialised(image.spec, static_cast<int64_t>(image.labels.size())));
  PERENNIAL_RETURN_IF_ERROR(LoadInto(image, *model));
  try {
    for (auto& parameter : model->parameters()) parameter.set_requires_grad(false);
    model->eval();
    model->to(device);
  } catch (const std::exception& error) {
    return Unavailable(std::string("move the model to its device: ") + error.what());
  }
  return model;
}

}  // namespace perennial::model
