#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "serving/model/model.h"
#include "storage/base/status.h"

namespace perennial::trainer {

// Where each parameter of a model lies in one flat f32 buffer. Segments are sorted by name, so a freshly built model
// and one whose head grew on the way have the same layout (and sums over it are bit-identical); what is observed and
// not learned (model::IsStatistic) comes after all that is. Each starts at a multiple of 16 floats. Value type.
struct FlatLayout {
  struct Segment {
    std::string name;
    std::vector<int64_t> shape;
    int64_t offset = 0;
    int64_t size = 0;
    friend bool operator==(const Segment&, const Segment&) = default;
  };
  std::vector<Segment> segments;
  int64_t total = 0;
  int64_t learned = 0;  // [0, learned) takes gradients, the rest are statistics

  friend bool operator==(const FlatLayout&, const FlatLayout&) = default;
  static FlatLayout Of(const model::Model& model);
  // nullptr when there is none.
  const Segment* Find(std::string_view name) const;

  std::string Encode() const;
  static Result<FlatLayout> Decode(std::string_view bytes);
};

// Copies `source` (laid out as `from`) into `target` (laid out as `to`): segments of the same name, their leading rows
// where the row count differs; what `from` lacks stays as it is in `target`.
void CopyShared(const FlatLayout& from, const torch::Tensor& source, const FlatLayout& to, torch::Tensor target);

}  // namespace perennial::trainer
