#include "storage/samples/log_record.h"

#include "storage/base/bytes.h"

namespace perennial::samples {
namespace {

constexpr uint8_t kFormatVersion = 1;
constexpr uint8_t kHeldOut = 1;
constexpr uint8_t kHasImage = 2;
constexpr uint8_t kBlock = 4;
constexpr size_t kHeadBytes = 11;  // version, kind, flags, time

}  // namespace

std::string LogRecord::Encode() const {
  ByteWriter out;
  out.U8(kFormatVersion);
  out.U8(static_cast<uint8_t>(kind));
  out.U8(static_cast<uint8_t>((held_out ? kHeldOut : 0) | (image ? kHasImage : 0) | (block ? kBlock : 0)));
  out.I64(appended_us);
  switch (kind) {
    case EntryKind::kSample:
      if (image) out.Raw(image->View());
      out.Raw(format::EncodeSample(sample));
      break;
    case EntryKind::kLateLabel:
      out.Varint(labels.value);
      out.Bytes(label);
      break;
    case EntryKind::kForget:
      out.Bytes(source);
      out.Varint(since.value);
      break;
    case EntryKind::kFlush:
    case EntryKind::kErased:
      break;
  }
  return out.Take();
}

Result<LogRecord> LogRecord::Decode(std::string_view bytes) {
  ByteReader in(bytes);
  const uint8_t version = in.U8();
  const uint8_t kind = in.U8();
  const uint8_t flags = in.U8();
  LogRecord record;
  record.appended_us = in.I64();
  if (!in.ok()) return Corruption("log record: truncated");
  if (version != kFormatVersion) return Corruption("log record: unknown format version " + std::to_string(version));
  if (kind > static_cast<uint8_t>(EntryKind::kErased)) return Corruption("log record: unknown kind");
  if ((flags & ~(kHeldOut | kHasImage | kBlock)) != 0) return Corruption("log record: unknown flags");
  record.kind = static_cast<EntryKind>(kind);
  record.held_out = (flags & kHeldOut) != 0;
  record.block = (flags & kBlock) != 0;
  if ((flags & kHasImage) != 0) {
    if (record.kind != EntryKind::kSample) return Corruption("log record: an image where none belongs");
    PERENNIAL_ASSIGN_OR_RETURN(record.image, Hash256::FromBytes(in.Raw(32)));
  }
  if (record.kind == EntryKind::kSample) {
    PERENNIAL_ASSIGN_OR_RETURN(record.sample, format::DecodeSample(in.Raw(in.remaining())));
  } else if (record.kind == EntryKind::kLateLabel) {
    record.labels.value = in.Varint();
    record.label = in.Bytes();
  } else if (record.kind == EntryKind::kForget) {
    record.source = in.Bytes();
    record.since.value = in.Varint();
  }
  PERENNIAL_RETURN_IF_ERROR(in.Finish("log record"));
  return record;
}

Result<std::optional<Hash256>> LogRecord::ImageOf(std::string_view bytes) {
  ByteReader in(bytes);
  const std::string_view head = in.Raw(kHeadBytes);
  if (!in.ok()) return Corruption("log record: truncated");
  if ((static_cast<uint8_t>(head[2]) & kHasImage) == 0) return std::optional<Hash256>();
  PERENNIAL_ASSIGN_OR_RETURN(const Hash256 image, Hash256::FromBytes(in.Raw(32)));
  return std::optional<Hash256>(image);
}

}  // namespace perennial::samples
