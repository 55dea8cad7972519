#include "storage/media/png_check.h"

#include <zlib.h>

#include <cstdint>
#include <vector>

namespace perennial::media {
namespace {

constexpr size_t kMaxRawBytes = 1u << 20;  // larger pictures gain nothing here
constexpr uint32_t kMaxChunk = 0x7fffffff;

uint32_t BigEndian32(std::string_view bytes) {
  uint32_t value = 0;
  for (const char c : bytes.substr(0, 4)) value = value << 8 | static_cast<uint8_t>(c);
  return value;
}

// An inflater and its output, kept per thread: making one costs as much as a small picture.
class Inflater {
 public:
  Inflater() { ready_ = inflateInit(&stream_) == Z_OK; }
  ~Inflater() {
    if (ready_) inflateEnd(&stream_);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  bool Begin(size_t raw_bytes) {
    if (!ready_ || inflateReset(&stream_) != Z_OK) return false;
    if (raw_.size() < raw_bytes) raw_.resize(raw_bytes);
    stream_.next_out = raw_.data();
    stream_.avail_out = static_cast<uInt>(raw_bytes);
    ended_ = false;
    return true;
  }
  // All of `bytes` must belong to the stream.
  bool Feed(std::string_view bytes) {
    if (bytes.empty()) return true;
    if (ended_) return false;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // only read
    stream_.avail_in = static_cast<uInt>(bytes.size());
    const int result = inflate(&stream_, Z_NO_FLUSH);
    ended_ = result == Z_STREAM_END;
    return (ended_ || result == Z_OK) && stream_.avail_in == 0;
  }
  bool Finished() const { return ended_ && stream_.avail_out == 0; }
  uint8_t raw(size_t at) const { return raw_[at]; }

 private:
  z_stream stream_{};
  bool ready_ = false;
  bool ended_ = false;
  std::vector<uint8_t> raw_;
};

// Bytes per pixel of the plain kinds; 0 for others.
size_t PixelBytes(std::string_view header) {
  if (header.substr(10, 3) != std::string_view("\0\0\0", 3) || header[8] != 8) return 0;
  switch (header[9]) {
    case 0:
      return 1;
    case 2:
      return 3;
    case 6:
      return 4;
    default:
      return 0;
  }
}

struct Chunk {
  std::string_view type, data;
};

// Takes the next chunk off `rest`; false when it is cut short or its check sum is wrong.
bool NextChunk(std::string_view& rest, Chunk& chunk) {
  if (rest.size() < 12) return false;
  const uint32_t size = BigEndian32(rest);
  if (size > kMaxChunk || rest.size() - 12 < size) return false;
  chunk = {rest.substr(4, 4), rest.substr(8, size)};
  const uLong sum = crc32(0, reinterpret_cast<const Bytef*>(rest.data() + 4), size + 4);
  if (sum != BigEndian32(rest.substr(8 + size))) return false;
  rest.remove_prefix(size + 12);
  return true;
}

// Lower case first: may be ignored. A colour key (tRNS) is none of those that libpng skips.
bool Skippable(std::string_view type) {
  for (const char c : type) {
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))) return false;
  }
  return type[0] >= 'a' && type != "tRNS";
}

}  // namespace

bool IsSurelyGoodPng(std::string_view bytes) {
  static thread_local Inflater inflater;
  std::string_view rest = bytes.substr(8);
  Chunk chunk;
  if (!NextChunk(rest, chunk) || chunk.type != "IHDR" || chunk.data.size() != 13) return false;
  const uint64_t row = 1 + uint64_t{BigEndian32(chunk.data)} * PixelBytes(chunk.data);
  const uint64_t rows = BigEndian32(chunk.data.substr(4));
  if (row == 1 || rows == 0 || row > kMaxRawBytes || row * rows > kMaxRawBytes) return false;
  if (!inflater.Begin(row * rows)) return false;
  bool seen = false, closed = false;  // the IDAT chunks must follow one another
  while (NextChunk(rest, chunk)) {
    if (chunk.type == "IDAT") {
      if (closed || !inflater.Feed(chunk.data)) return false;
      seen = true;
    } else if (chunk.type == "IEND") {
      if (!inflater.Finished() || !chunk.data.empty()) return false;
      for (uint64_t y = 0; y < rows; ++y) {
        if (inflater.raw(y * row) > 4) return false;  // filter kinds
      }
      return true;
    } else {
      if (!Skippable(chunk.type)) return false;
      closed = seen;
    }
  }
  return false;
}

}  // namespace perennial::media
