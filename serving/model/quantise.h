#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "serving/model/model.h"
#include "storage/format/version_image.h"

namespace perennial::model {

struct QuantiseOutcome {
  format::VersionImage image;
  double saturated_ratio = 0;  // codes at +-127 that the frozen scale cut off, over all codes
};

// Model -> version. Weights of two or more dimensions become int8 codes with a scale per row, except the head;
// everything else stays f32, rounded to 11 significant bits (relative error at most 2^-11): the other 13 are noise that
// every update would carry. With `frozen` (an earlier version of the same architecture) its scales are used where the
// tensor's shape is the same, and the image carries its scale_set; otherwise new scales = max(max|row|, 1/sqrt(row
// size)) * headroom / 127 and scale_set = `new_scale_set`.
Result<QuantiseOutcome> Quantise(const Model& model, const std::vector<std::string>& labels,
                                 const format::VersionImage* frozen, uint64_t new_scale_set);

// Version -> a model in eval mode, no gradients. kCorruption when names or shapes do not fit the spec.
Result<std::shared_ptr<Model>> Instantiate(const format::VersionImage& image, torch::Device device);
// The same into an existing module of the same spec (its head grows as needed): no allocation of a new network.
Status LoadInto(const format::VersionImage& image, Model& model);

}  // namespace perennial::model
