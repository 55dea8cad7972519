#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "storage/format/version_image.h"

namespace perennial::updater {

// What a delta does with one tensor's codes or floats: the first `common` numbers are told as differences to `base` (or
// are equal to it, when skipped), the `fresh` ones after them (rows of a grown head, a new tensor) as they are. Borrows
// the base.
template <typename Number>
struct StreamPlan {
  const Number* base = nullptr;
  size_t common = 0;
  size_t fresh = 0;
};
struct TensorPlan {
  StreamPlan<int8_t> codes;
  StreamPlan<float> floats;  // scales of int8 rows, values of f32 tensors
};

// One plan per tensor of `target`, from shapes alone, so that encoder and decoder agree: a base tensor of the same
// name, kind and row shape predicts the rows both have. `target` needs names, kinds and shapes only.
std::vector<TensorPlan> PlanDelta(const format::VersionImage& base, const format::VersionImage& target);

// Flags that the encoder adds per tensor.
inline constexpr uint8_t kSkipCodes = 1;   // the common codes equal the base's
inline constexpr uint8_t kSkipFloats = 2;  // the common floats equal the base's

}  // namespace perennial::updater
