#pragma once

#include <cstdint>
#include <string_view>

#include "storage/base/status.h"
#include "storage/media/image.h"

// The two codecs behind image.h. Private to storage/media.
namespace perennial::media {

// kResourceExhausted beyond `limits`, kInvalidArgument for an empty picture.
Status CheckSize(int64_t width, int64_t height, const DecodeLimits& limits);

bool LooksLikeJpeg(std::string_view bytes);
Result<ImageInfo> ProbeJpeg(std::string_view bytes, const DecodeLimits& limits);
Result<Image> DecodeJpeg(std::string_view bytes, const DecodeLimits& limits);
Status ValidateJpeg(std::string_view bytes, const DecodeLimits& limits);

bool LooksLikePng(std::string_view bytes);
Result<ImageInfo> ProbePng(std::string_view bytes, const DecodeLimits& limits);
Result<Image> DecodePng(std::string_view bytes, const DecodeLimits& limits);
Status ValidatePng(std::string_view bytes, const DecodeLimits& limits);

// Sides positive and the pixel vector of the right length.
Status CheckImage(const Image& image);

}  // namespace perennial::media
