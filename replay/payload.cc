#include "replay/payload.h"

#include <memory>
#include <utility>

#include "storage/media/packed_pixels.h"

namespace perennial::replay {
namespace {

using Payload = ReplayOptions::Payload;

bool Fits(const media::Image& image, const ReplayOptions& options) {
  return image.width == options.image_size && image.height == options.image_size;
}

std::shared_ptr<const media::Image> Fitted(media::Image image, const ReplayOptions& options) {
  if (Fits(image, options)) return std::make_shared<const media::Image>(std::move(image));
  return std::make_shared<const media::Image>(media::Resize(image, options.image_size, options.image_size));
}

// The picture as the network sees it; null when there is none to be had.
std::shared_ptr<const media::Image> PixelsOf(const Example& example, const ReplayOptions& options) {
  if (example.pixels != nullptr && Fits(*example.pixels, options)) return example.pixels;
  if (example.pixels != nullptr) return Fitted(*example.pixels, options);
  Result<media::Image> decoded = media::DecodeImage(example.image, options.image_limits);
  return decoded.ok() ? Fitted(std::move(*decoded), options) : nullptr;
}

// Sets the payload of `record`; its bytes go to `owned`.
void Pack(const Example& example, const ReplayOptions& options, Record& record, std::string& owned) {
  const std::shared_ptr<const media::Image> pixels = PixelsOf(example, options);
  if (pixels == nullptr) return;
  Result<std::string> packed = media::PackPixels(*pixels, options.payload != Payload::kRaw);
  if (!packed.ok()) return;
  owned = std::move(*packed);
  record.payload_kind = Record::Payload::kPacked;
  if (options.payload == Payload::kJpeg) {
    Result<std::string> jpeg = media::EncodeJpeg(*pixels, options.jpeg_quality);
    if (jpeg.ok() && jpeg->size() < owned.size()) {
      owned = std::move(*jpeg);
      record.payload_kind = Record::Payload::kEncoded;
    }
  }
  record.payload = owned;
}

}  // namespace

Recorded RecordOf(const Example& example, const ReplayOptions& options) {
  Record record{.offset = example.offset,
                .text = example.text,
                .label = example.label,
                .source = example.source,
                .slice = example.slice,
                .payload_kind = example.image.empty() ? Record::Payload::kNone : Record::Payload::kEncoded,
                .payload = example.image};
  std::string owned;
  const bool has_picture = !example.image.empty() || example.pixels != nullptr;
  if (has_picture && (options.payload != Payload::kAsSent || example.image.empty())) {
    Pack(example, options, record, owned);
  }
  return {EncodeRecord(record), record.Bytes()};
}

Result<Example> ExampleOf(std::string_view bytes, const ReplayOptions& options) {
  PERENNIAL_ASSIGN_OR_RETURN(const Record record, DecodeRecord(bytes));
  Example example;
  example.offset = record.offset;
  example.text = record.text;
  example.label = record.label;
  example.source = record.source;
  example.slice = record.slice;
  if (record.payload_kind == Record::Payload::kNone) return example;
  Result<media::Image> decoded = record.payload_kind == Record::Payload::kPacked
                                     ? media::UnpackPixels(record.payload, options.image_limits)
                                     : media::DecodeImage(record.payload, options.image_limits);
  if (!decoded.ok()) {
    return Corruption(
        "remembered picture of log entry " + record.offset.ToString() + ": " + std::string(decoded.status().message()),
        "restore the data folder from a copy, or start with an empty one");
  }
  example.pixels = Fitted(std::move(*decoded), options);
  return example;
}

Result<Example> DrawableOf(Example example, std::string_view record, const ReplayOptions& options) {
  const bool same = example.pixels == nullptr ? example.image.empty()
                                              : Fits(*example.pixels, options) && options.payload != Payload::kJpeg;
  if (!same) return ExampleOf(record, options);
  example.image = std::string();
  return example;
}

}  // namespace perennial::replay
