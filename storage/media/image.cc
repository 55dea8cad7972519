#include "storage/media/image.h"

#include <string>

#include "storage/media/codec.h"

namespace perennial::media {
namespace {

Status NeitherFormat(std::string_view bytes) {
  if (bytes.empty()) return InvalidArgument("no bytes", "send a JPEG or PNG file");
  return InvalidArgument("neither JPEG nor PNG", "convert it to JPEG or PNG");
}

}  // namespace

Status CheckSize(int64_t width, int64_t height, const DecodeLimits& limits) {
  if (width <= 0 || height <= 0) return InvalidArgument("width or height is 0");
  if (width > limits.max_side || height > limits.max_side || width * height > limits.max_pixels) {
    return ResourceExhausted(std::to_string(width) + " x " + std::to_string(height) + " is beyond " +
                                 std::to_string(limits.max_side) + " a side or " + std::to_string(limits.max_pixels) +
                                 " pixels",
                             "scale it down before sending");
  }
  return Status::Ok();
}

Status CheckImage(const Image& image) {
  if (image.width <= 0 || image.height <= 0) return InvalidArgument("width or height is 0");
  const size_t want = static_cast<size_t>(image.width) * static_cast<size_t>(image.height) * 3;
  if (image.pixels.size() != want) {
    return InvalidArgument(std::to_string(image.pixels.size()) + " bytes of pixels where " + std::to_string(want) +
                           " belong");
  }
  return Status::Ok();
}

Result<ImageInfo> ProbeImage(std::string_view bytes, const DecodeLimits& limits) {
  if (LooksLikeJpeg(bytes)) return ProbeJpeg(bytes, limits);
  if (LooksLikePng(bytes)) return ProbePng(bytes, limits);
  return NeitherFormat(bytes);
}

Result<Image> DecodeImage(std::string_view bytes, const DecodeLimits& limits) {
  if (LooksLikeJpeg(bytes)) return DecodeJpeg(bytes, limits);
  if (LooksLikePng(bytes)) return DecodePng(bytes, limits);
  return NeitherFormat(bytes);
}

Status ValidateImage(std::string_view bytes, const DecodeLimits& limits) {
  if (LooksLikeJpeg(bytes)) return ValidateJpeg(bytes, limits);
  if (LooksLikePng(bytes)) return ValidatePng(bytes, limits);
  return NeitherFormat(bytes);
}

}  // namespace perennial::media
