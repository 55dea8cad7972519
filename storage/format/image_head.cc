#include "storage/format/image_head.h"

#include <algorithm>
#include <string>

namespace perennial::format {
namespace {

void WriteStrings(const std::vector<std::string>& strings, ByteWriter& out) {
  out.Varint(strings.size());
  for (const std::string& text : strings) out.Bytes(text);
}

std::vector<std::string> ReadStrings(ByteReader& in, size_t max_count, size_t max_bytes) {
  std::vector<std::string> strings;
  const uint64_t count = in.Varint();
  // Every entry takes at least its length byte.
  if (count > max_count || count > in.remaining()) in.Fail();
  for (uint64_t i = 0; i < count && in.ok(); ++i) strings.emplace_back(in.Bytes(max_bytes));
  return strings;
}

TensorRecord ReadTensorHead(ByteReader& in) {
  TensorRecord tensor;
  tensor.name = in.Bytes(kMaxTensorNameBytes);
  const uint8_t kind = in.U8();
  if (kind > static_cast<uint8_t>(TensorKind::kFloat32)) in.Fail();
  tensor.kind = static_cast<TensorKind>(kind);
  const uint64_t dimensions = in.Varint();
  if (dimensions > kMaxDimensions) in.Fail();
  for (uint64_t d = 0; d < dimensions && in.ok(); ++d) {
    const uint64_t extent = in.Varint();
    if (extent > static_cast<uint64_t>(kMaxTensorElements)) in.Fail();
    tensor.shape.push_back(static_cast<int64_t>(extent));
  }
  if (in.ok() && tensor.NumElements() < 0) in.Fail();
  if (in.ok() && tensor.kind == TensorKind::kInt8Rows && tensor.shape.empty()) in.Fail();
  return tensor;
}

}  // namespace

void WriteImageHead(const VersionImage& image, ByteWriter& out) {
  out.Bytes(image.spec.ToJson());
  WriteStrings(image.labels, out);
  WriteStrings(image.slices, out);
  out.U64(image.trained_until);
  out.U64(image.scale_set);
  out.Varint(image.tensors.size());
  for (const TensorRecord& tensor : image.tensors) {
    out.Bytes(tensor.name);
    out.U8(static_cast<uint8_t>(tensor.kind));
    out.Varint(tensor.shape.size());
    for (const int64_t extent : tensor.shape) out.Varint(static_cast<uint64_t>(extent));
  }
  if (image.NetworkTensors() < image.tensors.size()) out.Bytes(image.instant ? image.instant->ToJson() : std::string());
}

Result<VersionImage> ReadImageHead(ByteReader& in) {
  const std::string_view json = in.Bytes();
  if (!in.ok()) return Corruption("image head: truncated or malformed");
  Result<ModelSpec> spec = ModelSpec::FromJson(json);
  if (!spec.ok()) return Corruption("image head: " + spec.status().message());
  VersionImage image;
  image.spec = std::move(*spec);
  image.labels = ReadStrings(in, kMaxLabels, kMaxLabelBytes);
  image.slices = ReadStrings(in, kMaxSlices, kMaxLabelBytes);
  image.trained_until = in.U64();
  image.scale_set = in.U64();
  const uint64_t tensors = in.Varint();
  if (tensors > kMaxTensors || tensors > in.remaining()) in.Fail();
  for (uint64_t i = 0; i < tensors && in.ok(); ++i) image.tensors.push_back(ReadTensorHead(in));
  if (in.ok() && image.NetworkTensors() < image.tensors.size()) {
    const std::string_view instant_json = in.Bytes();
    if (!in.ok()) return Corruption("image head: truncated or malformed");
    Result<InstantSpec> instant = InstantSpec::FromJson(instant_json);
    if (!instant.ok()) return Corruption("image head: " + instant.status().message());
    image.instant = std::move(*instant);
  }
  if (!in.ok()) return Corruption("image head: truncated or malformed");
  return image;
}

size_t CodeCount(const TensorRecord& tensor) {
  return tensor.kind == TensorKind::kInt8Rows ? static_cast<size_t>(tensor.NumElements()) : 0;
}

size_t FloatCount(const TensorRecord& tensor) {
  return static_cast<size_t>(tensor.kind == TensorKind::kInt8Rows ? tensor.shape[0] : tensor.NumElements());
}

ImageVolume VolumeOf(const VersionImage& image) {
  // At most 2^16 tensors of at most 2^40 elements each: no overflow.
  ImageVolume volume;
  for (const TensorRecord& tensor : image.tensors) {
    volume.codes += CodeCount(tensor);
    volume.floats += FloatCount(tensor);
  }
  return volume;
}

}  // namespace perennial::format
