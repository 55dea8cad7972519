#include "storage/samples/quarantine_record.h"

#include "storage/base/bytes.h"

namespace perennial::samples {
namespace {
constexpr uint8_t kFormatVersion = 1;
}  // namespace

std::string EncodeQuarantine(const QuarantineEntry& entry) {
  ByteWriter out;
  out.U8(kFormatVersion);
  out.Bytes(CodeName(entry.error.code()));
  out.Bytes(entry.error.message());
  out.Bytes(entry.error.hint());
  out.Bytes(entry.pointer);
  out.I64(entry.time_us);
  out.Raw(format::EncodeSample(entry.sample));
  return out.Take();
}

Result<QuarantineEntry> DecodeQuarantine(uint64_t id, std::string_view bytes) {
  ByteReader in(bytes);
  if (in.U8() != kFormatVersion) return Corruption("quarantine record: unknown format version");
  QuarantineEntry entry;
  entry.id = id;
  const std::optional<Code> code = CodeFromName(in.Bytes());
  const std::string_view message = in.Bytes();
  const std::string_view hint = in.Bytes();
  if (!code) return Corruption("quarantine record: unknown code");
  entry.error = Status(*code, std::string(message), std::string(hint));
  entry.pointer = in.Bytes();
  entry.time_us = in.I64();
  const std::string_view sample = in.Raw(in.remaining());
  PERENNIAL_RETURN_IF_ERROR(in.Finish("quarantine record"));
  PERENNIAL_ASSIGN_OR_RETURN(entry.sample, format::DecodeSample(sample));
  return entry;
}

}  // namespace perennial::samples
