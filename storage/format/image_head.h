#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/status.h"
#include "storage/format/version_image.h"

namespace perennial::format {

// Caps on a version image that hold before any allocation.
inline constexpr size_t kMaxTensors = 65536;
inline constexpr size_t kMaxDimensions = 8;
inline constexpr size_t kMaxTensorNameBytes = 256;
inline constexpr size_t kMaxLabels = 1u << 20;
inline constexpr size_t kMaxSlices = 65536;
inline constexpr size_t kMaxLabelBytes = 1024;
inline constexpr int64_t kMaxTensorElements = int64_t{1} << 40;

// Everything of an image but its numbers: spec, labels, slices, counters, and each tensor's name, kind and shape
// (storage/format/version_image.md, "Head"). Snapshot and delta carry it in the same bytes.
void WriteImageHead(const VersionImage& image, ByteWriter& out);
// Fills all but codes, scales and values. Fails on hostile bytes without allocating more than a small multiple of the
// input.
Result<VersionImage> ReadImageHead(ByteReader& in);

// Numbers that the tensors' shapes ask for, summed without overflow.
struct ImageVolume {
  uint64_t codes = 0;
  uint64_t floats = 0;  // scales and values
};
ImageVolume VolumeOf(const VersionImage& image);

// Numbers one tensor's shape asks for. REQUIRES a shape that ReadImageHead or Validate accepted.
size_t CodeCount(const TensorRecord& tensor);
size_t FloatCount(const TensorRecord& tensor);

}  // namespace perennial::format
