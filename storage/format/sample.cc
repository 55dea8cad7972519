#include "storage/format/sample.h"

#include "storage/base/bytes.h"

namespace perennial::format {
namespace {

constexpr uint8_t kFormatVersion = 1;
constexpr uint8_t kHasLabel = 1;
constexpr uint8_t kTestPart = 2;

}  // namespace

std::string EncodeSample(const Sample& sample) {
  ByteWriter out;
  out.U8(kFormatVersion);
  out.U8(static_cast<uint8_t>((sample.label ? kHasLabel : 0) | (sample.part == Part::kTest ? kTestPart : 0)));
  out.Bytes(sample.image);
  out.Bytes(sample.text);
  if (sample.label) out.Bytes(*sample.label);
  out.Bytes(sample.source);
  out.Bytes(sample.id);
  out.Bytes(sample.group);
  out.Bytes(sample.slice);
  out.I64(sample.time_us);
  out.Varint(sample.meta.size());
  for (const auto& [key, value] : sample.meta) {
    out.Bytes(key);
    out.Bytes(value);
  }
  return out.Take();
}

Result<Sample> DecodeSample(std::string_view bytes) {
  ByteReader in(bytes);
  const uint8_t version = in.U8();
  if (in.ok() && version != kFormatVersion) {
    return Corruption("sample record: unknown format version " + std::to_string(version));
  }
  const uint8_t flags = in.U8();
  if ((flags & ~(kHasLabel | kTestPart)) != 0) return Corruption("sample record: unknown flags");
  Sample sample;
  sample.part = (flags & kTestPart) != 0 ? Part::kTest : Part::kTrain;
  sample.image = in.Bytes();
  sample.text = in.Bytes();
  if ((flags & kHasLabel) != 0) sample.label = std::string(in.Bytes());
  sample.source = in.Bytes();
  sample.id = in.Bytes();
  sample.group = in.Bytes();
  sample.slice = in.Bytes();
  sample.time_us = in.I64();
  const uint64_t entries = in.Varint();
  for (uint64_t i = 0; i < entries && in.ok(); ++i) {
    const std::string_view key = in.Bytes();
    const std::string_view value = in.Bytes();
    if (!sample.meta.empty() && key <= sample.meta.rbegin()->first) in.Fail();
    if (in.ok()) sample.meta.emplace_hint(sample.meta.end(), key, value);
  }
  PERENNIAL_RETURN_IF_ERROR(in.Finish("sample record"));
  return sample;
}

}  // namespace perennial::format
