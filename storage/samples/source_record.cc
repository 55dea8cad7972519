#include "storage/samples/source_record.h"

#include "storage/base/bytes.h"

namespace perennial::samples {
namespace {

constexpr uint8_t kFormatVersion = 1;
constexpr uint8_t kBlocked = 1, kForgotten = 2, kListed = 4, kPending = 8;

std::string Keyed(char kind, std::string_view name) { return std::string(1, kind).append(name); }

}  // namespace

std::string SourceRecord::Encode() const {
  ByteWriter out;
  out.U8(kFormatVersion);
  out.U8(static_cast<uint8_t>((blocked ? kBlocked : 0) | (forgotten_at ? kForgotten : 0) | (listed ? kListed : 0) |
                              (pending ? kPending : 0)));
  for (const uint64_t count : {samples, waiting, held_out, trainable, forgotten}) out.Varint(count);
  if (forgotten_at) {
    out.Varint(forgotten_at->value);
    out.Varint(since.value);
  }
  return out.Take();
}

Result<SourceRecord> SourceRecord::Decode(std::string_view bytes) {
  ByteReader in(bytes);
  if (const uint8_t version = in.U8(); version != kFormatVersion) {
    return Corruption("source record: unknown format version");
  }
  const uint8_t flags = in.U8();
  if ((flags & ~(kBlocked | kForgotten | kListed | kPending)) != 0) return Corruption("source record: unknown flags");
  SourceRecord record;
  record.blocked = (flags & kBlocked) != 0;
  record.listed = (flags & kListed) != 0;
  record.pending = (flags & kPending) != 0;
  for (uint64_t* count : {&record.samples, &record.waiting, &record.held_out, &record.trainable, &record.forgotten}) {
    *count = in.Varint();
  }
  if ((flags & kForgotten) != 0) {
    record.forgotten_at = Offset{in.Varint()};
    record.since = Offset{in.Varint()};
  }
  PERENNIAL_RETURN_IF_ERROR(in.Finish("source record"));
  return record;
}

std::string SourceKey(std::string_view source) { return Keyed(kSourceKind, source); }
std::string PendingKey(std::string_view source) { return Keyed(kPendingKind, source); }
std::string ReaderKey(std::string_view reader) { return Keyed(kReaderKind, reader); }

std::string SourceEntryKey(std::string_view source, Offset offset) {
  ByteWriter key;
  key.U8(static_cast<uint8_t>(kSourceEntryKind));
  key.Bytes(source);
  return key.Take() + BigEndian64(offset.value);
}

}  // namespace perennial::samples
