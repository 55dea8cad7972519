#include "updater/transport/wire.h"

#include <algorithm>

#include "storage/base/bytes.h"
#include "storage/format/manifest.h"
#include "updater/transport/wire_report.h"

namespace perennial::transport {
namespace {

constexpr std::string_view kMagic = "PU";
constexpr size_t kMaxSignedManifestBytes = format::kMaxManifestBytes + 2048;

// The type byte is the alternative's index: the order in Message is part of the format.
void Write(ByteWriter& out, const Hello& m) {
  out.Bytes(std::string_view(m.name).substr(0, kMaxNameBytes));
  out.Bytes(std::string_view(m.model_id).substr(0, kMaxNameBytes));
}
void Write(ByteWriter& out, const State& m) { out.Bytes(m.signed_head); }
void Write(ByteWriter& out, const GetManifest& m) { out.U64(m.version.value); }
void Write(ByteWriter& out, const ManifestReply& m) {
  out.U64(m.version.value);
  out.Bytes(m.signed_manifest);
}
void Write(ByteWriter& out, const GetChunks& m) {
  out.U64(m.generation);
  out.U64(m.received);
  out.U64(m.credit);
  const size_t count = std::min(m.hashes.size(), kMaxHashesPerRequest);
  out.U16(static_cast<uint16_t>(count));
  for (size_t i = 0; i < count; ++i) out.Raw(m.hashes[i].View());
}
void Write(ByteWriter& out, const ChunkReply& m) {
  out.U64(m.generation);
  out.Raw(m.hash.View());
  out.Bytes(m.bytes);
}
void Write(ByteWriter& out, const Report& m) { EncodeReport(out, m); }
void Write(ByteWriter& out, const Feedback& m) {
  out.U64(m.id);
  out.Bytes(std::string_view(m.request_id).substr(0, kMaxTextBytes));
  out.Bytes(std::string_view(m.label).substr(0, kMaxLabelBytes));
}
void Write(ByteWriter& out, const FeedbackAck& m) {
  out.U64(m.id);
  out.U8(m.known ? 1 : 0);
}
void Write(ByteWriter& out, const ErrorReply& m) {
  out.U8(static_cast<uint8_t>(m.about));
  out.U64(m.reference);
  out.Raw(m.hash.View());
  out.U8(static_cast<uint8_t>(m.code));
  out.Bytes(std::string_view(m.message).substr(0, kMaxTextBytes));
}

Hash256 ReadHash(ByteReader& in) {
  Hash256 hash;
  const std::string_view raw = in.Raw(hash.bytes.size());
  if (in.ok()) std::copy(raw.begin(), raw.end(), hash.bytes.begin());
  return hash;
}

bool ReadBool(ByteReader& in) {
  const uint8_t value = in.U8();
  if (value > 1) in.Fail();
  return value == 1;
}

GetChunks ReadGetChunks(ByteReader& in) {
  GetChunks m{in.U64(), in.U64(), in.U64(), {}};
  const size_t count = in.U16();
  if (count > kMaxHashesPerRequest || count * 32 > in.remaining()) in.Fail();
  for (size_t i = 0; i < count && in.ok(); ++i) m.hashes.push_back(ReadHash(in));
  return m;
}

ErrorReply ReadError(ByteReader& in) {
  ErrorReply m;
  const uint8_t about = in.U8();
  if (about > static_cast<uint8_t>(ErrorReply::About::kChunk)) in.Fail();
  m.about = static_cast<ErrorReply::About>(about);
  m.reference = in.U64();
  m.hash = ReadHash(in);
  const uint8_t code = in.U8();
  if (code == 0 || code > static_cast<uint8_t>(Code::kInternal)) in.Fail();
  m.code = static_cast<Code>(code);
  m.message = in.Bytes(kMaxTextBytes);
  return m;
}

// Braces evaluate left to right, so the fields are read in the order they are written.
Message ReadBody(ByteReader& in, uint8_t type) {
  switch (type) {
    case 0:
      return Hello{std::string(in.Bytes(kMaxNameBytes)), std::string(in.Bytes(kMaxNameBytes))};
    case 1:
      return State{std::string(in.Bytes(kMaxHeadBytes))};
    case 2:
      return GetManifest{VersionId{in.U64()}};
    case 3:
      return ManifestReply{VersionId{in.U64()}, std::string(in.Bytes(kMaxSignedManifestBytes))};
    case 4:
      return ReadGetChunks(in);
    case 5:
      return ChunkReply{in.U64(), ReadHash(in), std::string(in.Bytes(format::kMaxChunkSize))};
    case 6:
      return DecodeReport(in);
    case 7:
      return Feedback{in.U64(), std::string(in.Bytes(kMaxTextBytes)), std::string(in.Bytes(kMaxLabelBytes))};
    case 8:
      return FeedbackAck{in.U64(), ReadBool(in)};
    case 9:
      return ReadError(in);
    default:
      in.Fail();
      return Hello{};
  }
}

}  // namespace

std::string EncodeMessage(const Message& message) {
  ByteWriter out;
  out.Raw(kMagic);
  out.U8(kWireVersion);
  out.U8(static_cast<uint8_t>(message.index()));
  std::visit([&out](const auto& m) { Write(out, m); }, message);
  return out.Take();
}

Result<Message> DecodeMessage(std::string_view bytes) {
  ByteReader in(bytes);
  if (in.Raw(kMagic.size()) != kMagic) return Corruption("update message: not one of ours");
  const uint8_t version = in.U8();
  if (in.ok() && version != kWireVersion) {
    return Corruption("update message: wire version " + std::to_string(version) + ", this program speaks " +
                          std::to_string(kWireVersion),
                      "run the same release on hub and edges");
  }
  const uint8_t type = in.U8();
  Message message = ReadBody(in, type);
  PERENNIAL_RETURN_IF_ERROR(in.Finish("update message"));
  return message;
}

}  // namespace perennial::transport
