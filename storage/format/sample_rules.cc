#include "storage/base/bytes.h"
#include "storage/format/sample.h"

namespace perennial::format {
namespace {

enum class Lines { kOne, kMany };

// C0 and C1 control characters and DEL; line breaks and tabs are fine where a text may have several lines.
// REQUIRES well-formed UTF-8.
bool HasControlCharacter(std::string_view text, Lines lines) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<uint8_t>(text[i]);
    const bool layout = c == '\n' || c == '\t' || c == '\r';
    if ((c < 0x20 && !(layout && lines == Lines::kMany)) || c == 0x7f) return true;
    if (c == 0xc2 && static_cast<uint8_t>(text[i + 1]) < 0xa0) return true;
  }
  return false;
}

Status CheckText(const std::string& field, std::string_view text, size_t max, Lines lines) {
  if (text.size() > max) {
    return ResourceExhausted(field + ": " + std::to_string(text.size()) + " bytes, the limit is " + std::to_string(max),
                             "shorten it");
  }
  if (!IsUtf8(text)) return InvalidArgument(field + ": not valid UTF-8", "convert it to UTF-8");
  if (HasControlCharacter(text, lines)) {
    return InvalidArgument(field + ": contains a control character", "remove it");
  }
  return Status::Ok();
}

Status CheckMeta(const Sample& sample, const SampleLimits& limits) {
  size_t total = 0;
  for (const auto& [key, value] : sample.meta) {
    if (key.empty()) return InvalidArgument("meta: an empty key", "name every entry");
    PERENNIAL_RETURN_IF_ERROR(CheckText("meta", key, limits.max_key_bytes, Lines::kOne));
    PERENNIAL_RETURN_IF_ERROR(CheckText("meta." + key, value, limits.max_meta_bytes, Lines::kMany));
    total += key.size() + value.size();
  }
  if (total <= limits.max_meta_bytes) return Status::Ok();
  return ResourceExhausted(
      "meta: " + std::to_string(total) + " bytes, the limit is " + std::to_string(limits.max_meta_bytes),
      "send fewer or shorter entries");
}

}  // namespace

Status ValidateSample(const Sample& sample, const SampleLimits& limits) {
  if (sample.image.empty() && sample.text.empty()) {
    return InvalidArgument("image: neither image nor text", "send an image, a text, or both");
  }
  if (sample.image.size() > limits.max_image_bytes) {
    return ResourceExhausted("image: " + std::to_string(sample.image.size()) + " bytes, the limit is " +
                                 std::to_string(limits.max_image_bytes),
                             "scale the image down");
  }
  PERENNIAL_RETURN_IF_ERROR(CheckText("text", sample.text, limits.max_text_bytes, Lines::kMany));
  if (sample.label) {
    if (sample.label->empty()) return InvalidArgument("label: empty", "leave the label out if it is not known yet");
    PERENNIAL_RETURN_IF_ERROR(CheckText("label", *sample.label, limits.max_label_bytes, Lines::kOne));
  }
  PERENNIAL_RETURN_IF_ERROR(CheckText("source", sample.source, limits.max_key_bytes, Lines::kOne));
  PERENNIAL_RETURN_IF_ERROR(CheckText("id", sample.id, limits.max_key_bytes, Lines::kOne));
  PERENNIAL_RETURN_IF_ERROR(CheckText("group", sample.group, limits.max_key_bytes, Lines::kOne));
  PERENNIAL_RETURN_IF_ERROR(CheckText("slice", sample.slice, limits.max_key_bytes, Lines::kOne));
  if (sample.time_us < 0) return InvalidArgument("time: before 1970", "send microseconds since 1970 UTC");
  return CheckMeta(sample, limits);
}

}  // namespace perennial::format
