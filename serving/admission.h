#pragma once

#include <optional>
#include <string>
#include <vector>

#include "serving/engine.h"
#include "serving/predictor.h"

namespace perennial::serving {

inline constexpr size_t kMaxTextBytes = 65536;
inline constexpr size_t kMaxIdBytes = 256;
inline constexpr size_t kMaxSamplesPerCall = 64;

// A request whose content was checked and decoded, for whatever version will answer.
struct DecodedInput {
  std::optional<media::Image> image;  // of its own size
  std::string text;
};

// kInvalidArgument with the field's name first when the request cannot be answered by any version.
Result<DecodedInput> DecodeRequest(const InferRequest& request, const media::DecodeLimits& limits);

// Label, confidence and top five of one sample's scores. REQUIRES: all finite, as many as labels.
void FillAnswer(const Scores& scores, const std::vector<std::string>& labels, InferAnswer& answer);

}  // namespace perennial::serving
