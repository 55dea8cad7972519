#include "storage/sources/image_text.h"

#include "storage/base/bytes.h"

namespace perennial::sources {

Result<std::string> ImageFromText(std::string_view text) {
  if (text.substr(0, 5) == "data:") {
    const size_t comma = text.find(',');
    if (comma == std::string_view::npos || text.substr(0, comma).find(";base64") == std::string_view::npos) {
      return InvalidArgument("image: a data URI without base64 content", "write data:image/jpeg;base64,...");
    }
    text.remove_prefix(comma + 1);
  }
  auto bytes = Base64Decode(text);
  if (!bytes.ok()) return InvalidArgument("image: not valid base64", "encode the JPEG or PNG file as base64");
  return bytes;
}

}  // namespace perennial::sources
