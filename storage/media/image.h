#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/status.h"

namespace perennial::media {

enum class ImageFormat : uint8_t { kJpeg, kPng };

// 8-bit RGB pixels, row-major, interleaved: pixels[(y * width + x) * 3 + c]. Value type.
struct Image {
  int width = 0;
  int height = 0;
  std::vector<uint8_t> pixels;
};

struct ImageInfo {
  ImageFormat format = ImageFormat::kJpeg;
  int width = 0;
  int height = 0;
};

// Bounds checked from the header, before memory is taken: a 50,000 x 50,000 PNG of 1 KB is refused at once.
struct DecodeLimits {
  int max_side = 8192;
  int64_t max_pixels = 32ll << 20;
};

// Reads only the header. kInvalidArgument when it is neither JPEG nor PNG or is damaged, kResourceExhausted beyond
// limits.
Result<ImageInfo> ProbeImage(std::string_view bytes, const DecodeLimits& limits);
// Full decode to RGB (grey and palette expanded, alpha dropped, 16-bit reduced). A truncated or damaged stream is an
// error, not a half-grey picture. Thread-safe.
Result<Image> DecodeImage(std::string_view bytes, const DecodeLimits& limits);
// Reads the whole entropy-coded stream as DecodeImage does and fails on the same inputs, but makes no full picture
// where the format allows that. For ingest.
Status ValidateImage(std::string_view bytes, const DecodeLimits& limits);

Result<std::string> EncodeJpeg(const Image& image, int quality);
Result<std::string> EncodePng(const Image& image);

// Area average when shrinking, bilinear when growing; deterministic integer arithmetic, so training and serving see the
// same pixels on any processor.
Image Resize(const Image& image, int width, int height);

}  // namespace perennial::media
