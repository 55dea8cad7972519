#include <algorithm>
#include <bit>
#include <string>

#include "storage/base/bytes.h"
#include "storage/format/image_head.h"
#include "storage/format/version_image.h"

namespace perennial::format {
namespace {

// Little-endian words in blocks: one digest call per block instead of one per float.
void HashFloats(const std::vector<float>& values, Sha256Stream& stream) {
  constexpr size_t kBlock = 4096;
  std::string buffer;
  for (size_t start = 0; start < values.size(); start += kBlock) {
    const size_t end = std::min(values.size(), start + kBlock);
    buffer.resize(4 * (end - start));
    for (size_t i = start; i < end; ++i) {
      const auto word = std::bit_cast<uint32_t>(values[i]);
      for (size_t byte = 0; byte < 4; ++byte) {
        buffer[4 * (i - start) + byte] = static_cast<char>((word >> (8 * byte)) & 0xff);
      }
    }
    stream.Update(buffer);
  }
}

void WriteStrings(const std::vector<std::string>& strings, ByteWriter& out) {
  out.Varint(strings.size());
  for (const std::string& text : strings) out.Bytes(text);
}

}  // namespace

int64_t TensorRecord::NumElements() const {
  int64_t elements = 1;
  for (const int64_t extent : shape) {
    if (extent < 0 || __builtin_mul_overflow(elements, extent, &elements)) return -1;
    if (elements > kMaxTensorElements) return -1;
  }
  return elements;
}

Hash256 TensorRecord::Hash() const {
  ByteWriter head;
  head.Bytes(name);
  head.U8(static_cast<uint8_t>(kind));
  head.Varint(shape.size());
  for (const int64_t extent : shape) head.I64(extent);
  head.Varint(codes.size());
  head.Varint(scales.size());
  head.Varint(values.size());
  Sha256Stream stream;
  stream.Update(head.data());
  stream.Update({reinterpret_cast<const char*>(codes.data()), codes.size()});
  HashFloats(scales, stream);
  HashFloats(values, stream);
  return stream.Finish();
}

Hash256 VersionImage::Root() const {
  ByteWriter head;
  head.Bytes(spec.ToJson());
  WriteStrings(labels, head);
  WriteStrings(slices, head);
  head.U64(trained_until);
  head.U64(scale_set);
  if (instant) head.Bytes(instant->ToJson());
  std::vector<Hash256> leaves{Sha256(head.data())};
  leaves.reserve(tensors.size() + 1);
  for (const TensorRecord& tensor : tensors) leaves.push_back(tensor.Hash());
  return MerkleRoot(leaves);
}

size_t VersionImage::NetworkTensors() const {
  const auto first = std::find_if(tensors.begin(), tensors.end(),
                                  [](const TensorRecord& tensor) { return tensor.name.starts_with(kInstantPrefix); });
  return static_cast<size_t>(first - tensors.begin());
}

uint64_t VersionImage::Fp32Bytes() const {
  uint64_t elements = 0;
  for (const TensorRecord& tensor : tensors)
    elements += static_cast<uint64_t>(std::max<int64_t>(0, tensor.NumElements()));
  return 4 * elements;
}

}  // namespace perennial::format
