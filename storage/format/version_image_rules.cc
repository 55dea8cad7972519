#include <cmath>
#include <set>
#include <string>

#include "storage/base/bytes.h"
#include "storage/format/image_head.h"
#include "storage/format/version_image.h"

namespace perennial::format {
namespace {

Status CheckTensor(const TensorRecord& tensor) {
  const std::string who = "tensor '" + tensor.name + "': ";
  if (tensor.name.empty() || tensor.name.size() > kMaxTensorNameBytes) {
    return InvalidArgument("a tensor's name has " + std::to_string(tensor.name.size()) + " bytes, must be 1 to 256");
  }
  if (tensor.shape.size() > kMaxDimensions) return InvalidArgument(who + "more than 8 dimensions");
  if (tensor.NumElements() < 0) return InvalidArgument(who + "a negative or excessive shape");
  const bool rows = tensor.kind == TensorKind::kInt8Rows;
  if (rows && tensor.shape.empty()) return InvalidArgument(who + "int8 rows need a first dimension");
  const size_t scales = rows ? static_cast<size_t>(tensor.shape[0]) : 0;
  const size_t values = rows ? 0 : static_cast<size_t>(tensor.NumElements());
  if (tensor.codes.size() != CodeCount(tensor) || tensor.scales.size() != scales || tensor.values.size() != values) {
    return InvalidArgument(who + "its data does not fit its shape");
  }
  for (const int8_t code : tensor.codes) {
    if (code == -128) return InvalidArgument(who + "code -128 is outside [-127, 127]");
  }
  for (const float scale : tensor.scales) {
    if (!std::isfinite(scale) || scale <= 0) return InvalidArgument(who + "a scale is not finite and positive");
  }
  for (const float value : tensor.values) {
    if (!std::isfinite(value)) return InvalidArgument(who + "a value is not finite");
  }
  return Status::Ok();
}

Status CheckNames(const char* what, const std::vector<std::string>& names, size_t max_count) {
  if (names.size() > max_count) return InvalidArgument(std::string("too many ") + what);
  std::set<std::string_view> seen;
  for (const std::string& name : names) {
    if (name.empty() || name.size() > kMaxLabelBytes || !IsUtf8(name)) {
      return InvalidArgument(std::string(what) + ": each must be 1 to 1024 bytes of UTF-8");
    }
    if (!seen.insert(name).second) return InvalidArgument(std::string(what) + ": '" + name + "' stands twice");
  }
  return Status::Ok();
}

Status CheckInstant(const VersionImage& image) {
  const size_t network = image.NetworkTensors();
  for (size_t i = network; i < image.tensors.size(); ++i) {
    if (!image.tensors[i].name.starts_with(kInstantPrefix)) {
      return InvalidArgument("tensor '" + image.tensors[i].name + "' stands behind those of the instant head");
    }
  }
  if (image.instant.has_value() != (network < image.tensors.size())) {
    return InvalidArgument(image.instant ? "an instant spec without tensors \"instant.*\""
                                         : "tensors \"instant.*\" without an instant spec");
  }
  return image.instant ? image.instant->Validate() : Status::Ok();
}

}  // namespace

Status VersionImage::Validate() const {
  PERENNIAL_RETURN_IF_ERROR(spec.Validate());
  PERENNIAL_RETURN_IF_ERROR(CheckNames("labels", labels, kMaxLabels));
  PERENNIAL_RETURN_IF_ERROR(CheckNames("slices", slices, kMaxSlices));
  if (tensors.size() > kMaxTensors) return InvalidArgument("too many tensors");
  std::set<std::string_view> names;
  for (const TensorRecord& tensor : tensors) {
    PERENNIAL_RETURN_IF_ERROR(CheckTensor(tensor));
    if (!names.insert(tensor.name).second) return InvalidArgument("tensor '" + tensor.name + "' stands twice");
  }
  return CheckInstant(*this);
}

}  // namespace perennial::format
