#include "storage/base/bytes.h"

#include <array>
#include <bit>

namespace perennial {

void ByteWriter::Little(uint64_t v, int bytes) {
  for (int i = 0; i < bytes; ++i) out_.push_back(static_cast<char>((v >> (8 * i)) & 0xff));
}

void ByteWriter::F32(float v) { U32(std::bit_cast<uint32_t>(v)); }
void ByteWriter::F64(double v) { U64(std::bit_cast<uint64_t>(v)); }

void ByteWriter::Varint(uint64_t v) {
  while (v >= 0x80) {
    U8(static_cast<uint8_t>(v | 0x80));
    v >>= 7;
  }
  U8(static_cast<uint8_t>(v));
}

void ByteWriter::Bytes(std::string_view bytes) {
  Varint(bytes.size());
  Raw(bytes);
}

uint64_t ByteReader::Little(int bytes) {
  const std::string_view raw = Raw(static_cast<size_t>(bytes));
  uint64_t v = 0;
  for (size_t i = 0; i < raw.size(); ++i) v |= static_cast<uint64_t>(static_cast<uint8_t>(raw[i])) << (8 * i);
  return v;
}

float ByteReader::F32() { return std::bit_cast<float>(U32()); }
double ByteReader::F64() { return std::bit_cast<double>(U64()); }

uint64_t ByteReader::Varint() {
  uint64_t v = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const uint8_t byte = U8();
    if (!ok_) return 0;
    if (shift == 63 && byte > 1) break;
    if (shift > 0 && byte == 0) break;  // a longer form of a shorter number: equal values must have equal bytes
    v |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return v;
  }
  ok_ = false;
  return 0;
}

std::string_view ByteReader::Raw(size_t n) {
  if (!ok_ || n > remaining()) {
    ok_ = false;
    return {};
  }
  const std::string_view view = data_.substr(pos_, n);
  pos_ += n;
  return view;
}

std::string_view ByteReader::Bytes(size_t max) {
  const uint64_t n = Varint();
  if (n > max) ok_ = false;
  return Raw(ok_ ? n : 0);
}

Status ByteReader::Finish(std::string_view what) const {
  if (!ok_) return Corruption(std::string(what) + ": truncated or malformed");
  if (remaining() != 0) return Corruption(std::string(what) + ": " + std::to_string(remaining()) + " trailing bytes");
  return Status::Ok();
}

std::string BigEndian64(uint64_t v) {
  std::string out(8, '\0');
  for (size_t i = 0; i < 8; ++i) out[i] = static_cast<char>((v >> (56 - 8 * i)) & 0xff);
  return out;
}

uint64_t ReadBigEndian64(std::string_view bytes) {
  uint64_t v = 0;
  for (size_t i = 0; i < 8; ++i) v = (v << 8) | static_cast<uint8_t>(bytes[i]);
  return v;
}

std::string HexEncode(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    out.push_back(kDigits[static_cast<uint8_t>(c) >> 4]);
    out.push_back(kDigits[static_cast<uint8_t>(c) & 15]);
  }
  return out;
}

Result<std::string> HexDecode(std::string_view hex) {
  auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  if (hex.size() % 2 != 0) return InvalidArgument("hex text has an odd number of digits");
  std::string out;
  out.reserve(hex.size() / 2);
  for (size_t i = 0; i < hex.size(); i += 2) {
    const int high = digit(hex[i]);
    const int low = digit(hex[i + 1]);
    if (high < 0 || low < 0) return InvalidArgument("not a hex digit at position " + std::to_string(i));
    out.push_back(static_cast<char>(high * 16 + low));
  }
  return out;
}

namespace {
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::array<int8_t, 256> Base64Table() {
  std::array<int8_t, 256> table;
  table.fill(-1);
  for (size_t i = 0; i < kBase64.size(); ++i) table[static_cast<uint8_t>(kBase64[i])] = static_cast<int8_t>(i);
  return table;
}
// Size of the well-formed UTF-8 character that `text` begins with, and its code point; 0 when it begins with none.
size_t Character(std::string_view text, uint32_t& point) {
  const auto lead = static_cast<uint8_t>(text[0]);
  size_t size = 0;
  uint32_t least = 0;
  if (lead < 0x80) {
    size = 1, point = lead;
  } else if ((lead & 0xe0) == 0xc0) {
    size = 2, point = lead & 0x1fU, least = 0x80;
  } else if ((lead & 0xf0) == 0xe0) {
    size = 3, point = lead & 0x0fU, least = 0x800;
  } else if ((lead & 0xf8) == 0xf0) {
    size = 4, point = lead & 0x07U, least = 0x10000;
  } else {
    return 0;
  }
  if (text.size() < size) return 0;
  for (size_t i = 1; i < size; ++i) {
    const auto next = static_cast<uint8_t>(text[i]);
    if ((next & 0xc0) != 0x80) return 0;
    point = (point << 6) | (next & 0x3fU);
  }
  if (point < least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return 0;
  return size;
}

}  // namespace

std::string Base64Encode(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t n = std::min<size_t>(3, bytes.size() - i);
    uint32_t v = 0;
    for (size_t j = 0; j < 3; ++j) v = (v << 8) | (j < n ? static_cast<uint8_t>(bytes[i + j]) : 0U);
    for (size_t j = 0; j < 4; ++j) out.push_back(j <= n ? kBase64[(v >> (18 - 6 * j)) & 63] : '=');
  }
  return out;
}

Result<std::string> Base64Decode(std::string_view text) {
  static const std::array<int8_t, 256> kTable = Base64Table();
  if (text.size() % 4 != 0) return InvalidArgument("base64 length is not a multiple of 4");
  size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  std::string out;
  out.reserve(text.size() / 4 * 3);
  for (size_t i = 0; i < text.size(); i += 4) {
    uint32_t v = 0;
    const bool last = i + 4 == text.size();
    for (size_t j = 0; j < 4; ++j) {
      int8_t d = kTable[static_cast<uint8_t>(text[i + j])];
      if (last && j >= 4 - padding) d = 0;
      if (d < 0) return InvalidArgument("not base64 at position " + std::to_string(i + j));
      v = (v << 6) | static_cast<uint32_t>(d);
    }
    const size_t n = last ? 3 - padding : 3;
    for (size_t j = 0; j < n; ++j) out.push_back(static_cast<char>((v >> (16 - 8 * j)) & 0xff));
  }
  return out;
}

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    uint32_t point = 0;
    const size_t size = Character(text, point);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string PlainText(std::string_view text, size_t max_bytes) {
  std::string out;
  while (!text.empty()) {
    uint32_t point = 0;
    const size_t size = Character(text, point);
    const bool control = point < 0x20 || (point >= 0x7f && point < 0xa0);
    const std::string_view next = size == 0 ? "?" : control ? " " : text.substr(0, size);
    if (out.size() + next.size() > max_bytes) break;
    out.append(next);
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return out;
}

}  // namespace perennial
