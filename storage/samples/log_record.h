#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "storage/base/hash.h"
#include "storage/samples/sample_log.h"

namespace perennial::samples {

// One entry as it lies in the log: the image is named by its hash, a late label names the sample it belongs to. Value
// type. Format: sample_log_format.md.
struct LogRecord {
  EntryKind kind = EntryKind::kFlush;
  bool held_out = false;
  int64_t appended_us = 0;
  std::optional<Hash256> image;  // kSample with an image
  format::Sample sample;         // kSample; its image is empty
  Offset labels;                 // kLateLabel
  std::string label;             // kLateLabel
  std::string source;            // kForget
  Offset since;                  // kForget
  bool block = false;            // kForget

  std::string Encode() const;
  static Result<LogRecord> Decode(std::string_view bytes);
  // The image that an encoded record names, without decoding the rest.
  static Result<std::optional<Hash256>> ImageOf(std::string_view bytes);
};

}  // namespace perennial::samples
