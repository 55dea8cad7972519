#include "updater/delta_sections.h"

#include <algorithm>

#include "storage/format/compress.h"
#include "storage/format/float_planes.h"

namespace perennial::updater {
namespace {

// The fast level finds few matches and so leaves noise to the Huffman stage, which is right for most sections; the
// thorough one finds the patterns there are. Levels between were worse than both on dense changes.
constexpr int kFastLevel = 1;
constexpr int kThoroughLevel = 16;
// The thorough level takes about half a second for a megabyte.
constexpr size_t kThoroughMaxBytes = 256u << 10;

}  // namespace

Status WriteSection(std::string_view bytes, ByteWriter& out, std::string_view prefix) {
  if (bytes.empty()) {
    out.Bytes({});
    return Status::Ok();
  }
  PERENNIAL_ASSIGN_OR_RETURN(std::string best, format::ZstdCompress(bytes, kFastLevel, prefix));
  if (bytes.size() <= kThoroughMaxBytes) {
    PERENNIAL_ASSIGN_OR_RETURN(std::string thorough, format::ZstdCompress(bytes, kThoroughLevel, prefix));
    if (thorough.size() < best.size()) best = std::move(thorough);
  }
  out.Bytes(best);
  return Status::Ok();
}

Result<std::string> ReadSection(ByteReader& in, size_t max, std::string_view prefix) {
  const std::string_view frame = in.Bytes();
  if (!in.ok()) return Corruption("delta: truncated");
  if (frame.empty()) return std::string();
  return format::ZstdDecompress(frame, max, prefix);
}

Result<std::string> ReadSectionOfSize(ByteReader& in, size_t size) {
  PERENNIAL_ASSIGN_OR_RETURN(std::string section, ReadSection(in, size));
  if (section.size() != size) return Corruption("delta: a section does not fit the shapes");
  return section;
}

Status WritePlanes(const std::vector<uint32_t>& words, ByteWriter& out) {
  std::string planes(4 * words.size(), '\0');
  for (size_t i = 0; i < words.size(); ++i) format::StorePlanes(planes.data(), words.size(), i, words[i]);
  for (size_t plane = 0; plane < 4; ++plane) {
    PERENNIAL_RETURN_IF_ERROR(WriteSection(std::string_view(planes).substr(plane * words.size(), words.size()), out));
  }
  return Status::Ok();
}

Result<std::string> ReadPlanes(ByteReader& in, size_t words) {
  std::string planes;
  for (size_t plane = 0; plane < 4; ++plane) {
    PERENNIAL_ASSIGN_OR_RETURN(const std::string bytes, ReadSectionOfSize(in, words));
    planes += bytes;
  }
  return planes;
}

}  // namespace perennial::updater
