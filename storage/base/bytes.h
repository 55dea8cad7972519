#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/status.h"

namespace perennial {

// Appends little-endian values to a string: the one way we encode. Thread-compatible.
class ByteWriter {
 public:
  void U8(uint8_t v) { out_.push_back(static_cast<char>(v)); }
  void U16(uint16_t v) { Little(v, 2); }
  void U32(uint32_t v) { Little(v, 4); }
  void U64(uint64_t v) { Little(v, 8); }
  void I64(int64_t v) { U64(static_cast<uint64_t>(v)); }
  void F32(float v);
  void F64(double v);
  // LEB128, at most 10 bytes.
  void Varint(uint64_t v);
  // Raw bytes, no length.
  void Raw(std::string_view bytes) { out_.append(bytes); }
  // Varint length, then the bytes.
  void Bytes(std::string_view bytes);

  size_t size() const { return out_.size(); }
  const std::string& data() const { return out_; }
  std::string Take() { return std::move(out_); }

 private:
  void Little(uint64_t v, int bytes);
  std::string out_;
};

// Reads what ByteWriter wrote. An overrun or a malformed varint makes the reader fail for good: values read after that
// are zero and ok() is false, so a decoder checks once at the end (and before every allocation, by remaining()).
class ByteReader {
 public:
  explicit ByteReader(std::string_view data) : data_(data) {}
  uint8_t U8() { return static_cast<uint8_t>(Little(1)); }
  uint16_t U16() { return static_cast<uint16_t>(Little(2)); }
  uint32_t U32() { return static_cast<uint32_t>(Little(4)); }
  uint64_t U64() { return Little(8); }
  int64_t I64() { return static_cast<int64_t>(U64()); }
  float F32();
  double F64();
  uint64_t Varint();
  // The next n bytes; empty (and failed) when fewer remain. Borrows from the input.
  std::string_view Raw(size_t n);
  // A varint length and that many bytes; fails when the length exceeds `max` or what remains.
  std::string_view Bytes(size_t max = SIZE_MAX);

  bool ok() const { return ok_; }
  void Fail() { ok_ = false; }
  size_t remaining() const { return data_.size() - pos_; }
  bool AtEnd() const { return ok_ && remaining() == 0; }
  // Ok when all was read and nothing is left over; else kCorruption naming `what`.
  Status Finish(std::string_view what) const;

 private:
  uint64_t Little(int bytes);
  std::string_view data_;
  size_t pos_ = 0;
  bool ok_ = true;
};

// Big-endian so that RocksDB's byte order is numeric order.
std::string BigEndian64(uint64_t v);
// REQUIRES bytes.size() >= 8; reads the first eight.
uint64_t ReadBigEndian64(std::string_view bytes);

std::string HexEncode(std::string_view bytes);
Result<std::string> HexDecode(std::string_view hex);
std::string Base64Encode(std::string_view bytes);
// Standard alphabet with padding; line breaks and other characters are errors.
Result<std::string> Base64Decode(std::string_view text);

// True when `text` is well-formed UTF-8 (no overlong forms, no surrogates, at most U+10FFFF).
bool IsUtf8(std::string_view text);
// A stranger's `text` made fit for logs, JSON and a terminal: well-formed UTF-8, one '?' for each byte that is none, a
// space for each control character, at most `max_bytes` and never half a character.
std::string PlainText(std::string_view text, size_t max_bytes);

}  // namespace perennial
