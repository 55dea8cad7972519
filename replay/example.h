#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "storage/base/ids.h"
#include "storage/media/image.h"

namespace perennial::replay {

// A training example to remember, or a remembered one. Into a buffer goes the encoded picture in `image`, `pixels` (at
// the buffer's image_size: what `image` decodes to), or both; out of it come `pixels` only. Immutable once in a buffer.
struct Example {
  Offset offset;
  std::string image;
  std::string text;
  std::string label;
  std::string source;
  std::string slice;
  std::shared_ptr<const media::Image> pixels;  // null when there is no image
};

// What a strategy remembers of an example beside the example itself. Unlike the example it may be replaced while the
// example is held (SetState). Value type.
struct ItemState {
  std::vector<uint16_t> logits;                          // of the labels 0 .. n-1, IEEE 754 binary16; empty: none
  float loss = std::numeric_limits<float>::quiet_NaN();  // the example's last one; NaN: not known
};

// An example of a draw. Outlives the example's eviction; `state` is as it was at the draw.
struct Drawn {
  uint64_t id = 0;  // of the example within its buffer, never used twice: for SetState
  std::shared_ptr<const Example> example;
  std::shared_ptr<const ItemState> state;  // null when the example has none
};

}  // namespace perennial::replay
