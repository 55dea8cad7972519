#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/status.h"

namespace perennial::format {

// Which use a sample is for. A test sample is held out: it is evaluated on and never trained on.
enum class Part : uint8_t { kTrain = 0, kTest = 1 };

// One field sample as it arrives: an image, a text, or both, and maybe a label. Value type.
struct Sample {
  std::string image;                 // JPEG or PNG bytes; empty: no image
  std::string text;                  // UTF-8; empty: no text
  std::optional<std::string> label;  // UTF-8, not empty; absent: waits for its late label
  std::string source;                // who sent it; with `id` the dedup key
  std::string id;                    // unique within source; empty: dedup by content hash
  std::string group;    // held-out sets are drawn by group; empty: the image's hash (or the text's) is the group
  std::string slice;    // domain, line or task; empty: "default"
  int64_t time_us = 0;  // microseconds since 1970 UTC; 0: time of arrival
  Part part = Part::kTrain;
  std::map<std::string, std::string> meta;  // free

  friend bool operator==(const Sample&, const Sample&) = default;
};

// The record format, version 1 (storage/format/sample_format.md). Pure; any Sample round-trips.
std::string EncodeSample(const Sample& sample);
// kCorruption on malformed bytes or an unknown version.
Result<Sample> DecodeSample(std::string_view bytes);

// Limits every sample must respect, wherever it comes from.
struct SampleLimits {
  size_t max_image_bytes = 16u << 20;
  size_t max_text_bytes = 4096;
  size_t max_label_bytes = 256;
  size_t max_key_bytes = 256;  // source, id, group, slice, each metadata key
  size_t max_meta_bytes = 4096;
};

// The rules that need no decoding of the image: at least one of image and text, valid UTF-8 without control characters,
// sizes within limits. kInvalidArgument (or kResourceExhausted for size) with the field's name first: "text: not valid
// UTF-8".
Status ValidateSample(const Sample& sample, const SampleLimits& limits);

}  // namespace perennial::format
