#pragma once

#include <string>
#include <string_view>

#include "storage/base/status.h"
#include "storage/media/image.h"

namespace perennial::media {

// Pixels as bytes, without loss, for stores of many small pictures: no file format's headers, one channel when the
// picture is grey. Layout: u8 kind, varint width, varint height, then the samples; kind bit 0: one channel instead of
// three; bits 1-2: 0 plain, 1 a raw deflate stream (RFC 1951), 2 the same of the differences from PNG's Paeth predictor
// (RFC 2083, 6.6). Thread-safe.

// Plain when `deflate` is off, else the smallest of the three codings. kInvalidArgument for an image that is none.
Result<std::string> PackPixels(const Image& image, bool deflate);
// kResourceExhausted over the limits, before memory is taken; kCorruption when it is not exactly one packed picture.
Result<Image> UnpackPixels(std::string_view bytes, const DecodeLimits& limits);

}  // namespace perennial::media
