#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/hash.h"
#include "storage/base/ids.h"
#include "storage/base/status.h"
#include "storage/format/instant_spec.h"
#include "storage/format/model_spec.h"

namespace perennial::format {

enum class TensorKind : uint8_t {
  kInt8Rows = 0,  // int8 codes with one f32 scale per row (first dimension): weight = code * scale
  kFloat32 = 1,   // biases, norms, the label head: floats, kept to the bit
};

// One named tensor of a version. Value type.
struct TensorRecord {
  std::string name;  // the torch parameter name
  TensorKind kind = TensorKind::kFloat32;
  std::vector<int64_t> shape;  // at most 8 dimensions, each >= 0
  std::vector<int8_t> codes;   // kInt8Rows: product(shape) codes, row-major, in [-127, 127]
  std::vector<float> scales;   // kInt8Rows: shape[0] scales, > 0
  std::vector<float> values;   // kFloat32: product(shape) values, row-major

  friend bool operator==(const TensorRecord&, const TensorRecord&) = default;
  int64_t NumElements() const;
  // SHA-256 over name, kind, shape and content: a leaf of the version's root.
  Hash256 Hash() const;
};

// A whole version as it is shipped and served: quantised tensors, the labels of the head's rows, the network to build.
// Immutable once made; shared as shared_ptr<const VersionImage>.
struct VersionImage {
  ModelSpec spec;
  std::vector<std::string> labels;    // label of output i
  std::vector<TensorRecord> tensors;  // in the model's parameter order, then those of the instant head
  std::vector<std::string> slices;    // slices it has learned, in order of first sight
  uint64_t trained_until = 0;         // log offset (exclusive) of the samples it has learned from
  uint64_t scale_set = 0;             // version whose scales these codes use (frozen between snapshots)
  // The closed-form head beside the network (serving/model/instant_head.h); there exactly when tensors "instant.*" are.
  // It may change from version to version while every tensor of the network stays: an update of a few kilobytes.
  std::optional<InstantSpec> instant;

  // Tensors of the network: all before the first of the instant head.
  size_t NetworkTensors() const;

  // Merkle root over one leaf for spec, labels, slices, counters and the instant head's spec, then one per tensor.
  Hash256 Root() const;
  // Bytes of the same weights as fp32: 4 * elements.
  uint64_t Fp32Bytes() const;
  // Shapes agree with data sizes, names unique, instant tensors last and with their spec, scales finite and positive,
  // values finite, caps respected.
  Status Validate() const;
};

// Whole-image encoding ("snapshot payload", before compression). Format in storage/format/version_image.md.
std::string EncodeVersionImage(const VersionImage& image);
// Bounds-checked against hostile bytes: kCorruption, and no allocation larger than the input justifies.
Result<VersionImage> DecodeVersionImage(std::string_view bytes);

}  // namespace perennial::format
