#include "storage/format/version_image.h"

#include <bit>

#include "storage/base/bytes.h"
#include "storage/format/float_planes.h"
#include "storage/format/image_head.h"

namespace perennial::format {
namespace {

constexpr std::string_view kMagic = "PVI1";

// Calls visit(float&) for every scale and value in the payload's order.
template <typename Image, typename Visit>
void EachFloat(Image& image, Visit&& visit) {
  for (auto& tensor : image.tensors) {
    for (auto& scale : tensor.scales) visit(scale);
    for (auto& value : tensor.values) visit(value);
  }
}

}  // namespace

std::string EncodeVersionImage(const VersionImage& image) {
  ByteWriter head;
  head.Raw(kMagic);
  WriteImageHead(image, head);
  std::string out = head.Take();
  size_t floats = 0;
  for (const TensorRecord& tensor : image.tensors) {
    out.append(reinterpret_cast<const char*>(tensor.codes.data()), tensor.codes.size());
    floats += tensor.scales.size() + tensor.values.size();
  }
  const size_t start = out.size();
  out.resize(start + 4 * floats);
  size_t index = 0;
  EachFloat(image, [&](const float& value) {
    StorePlanes(out.data() + start, floats, index++, std::bit_cast<uint32_t>(value));
  });
  return out;
}

Result<VersionImage> DecodeVersionImage(std::string_view bytes) {
  ByteReader in(bytes);
  if (in.Raw(kMagic.size()) != kMagic) return Corruption("version image: wrong magic");
  PERENNIAL_ASSIGN_OR_RETURN(VersionImage image, ReadImageHead(in));
  const ImageVolume volume = VolumeOf(image);
  // Checked before anything is sized by the shapes.
  if (volume.codes > in.remaining() || in.remaining() - volume.codes != 4 * volume.floats) {
    return Corruption("version image: the shapes do not fit the payload's size");
  }
  for (TensorRecord& tensor : image.tensors) {
    const std::string_view codes = in.Raw(CodeCount(tensor));
    const auto* first = reinterpret_cast<const int8_t*>(codes.data());
    tensor.codes.assign(first, first + codes.size());
    auto& floats = tensor.kind == TensorKind::kInt8Rows ? tensor.scales : tensor.values;
    floats.resize(FloatCount(tensor));
  }
  const std::string_view planes = in.Raw(4 * volume.floats);
  size_t index = 0;
  EachFloat(image, [&](float& value) { value = std::bit_cast<float>(LoadPlanes(planes, volume.floats, index++)); });
  PERENNIAL_RETURN_IF_ERROR(in.Finish("version image"));
  if (Status valid = image.Validate(); !valid.ok()) return Corruption(valid.message());
  return image;
}

}  // namespace perennial::format
