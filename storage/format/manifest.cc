#include "storage/format/manifest.h"

#include "storage/base/bytes.h"

namespace perennial::format {
namespace {

constexpr std::string_view kMagic = "PMF1";
constexpr size_t kMaxModelIdBytes = 64;

void WriteObject(const ObjectRef& object, ByteWriter& out) {
  out.U8(static_cast<uint8_t>(object.kind));
  out.U64(object.base.value);
  out.Raw(object.base_root.View());
  out.U32(object.codec);
  out.U64(object.bytes);
  out.U64(object.decoded_bytes);
  out.U32(object.chunk_size);
  out.U32(static_cast<uint32_t>(object.chunks.size()));
  for (const Hash256& chunk : object.chunks) out.Raw(chunk.View());
}

Hash256 ReadHash(ByteReader& in) {
  Result<Hash256> hash = Hash256::FromBytes(in.Raw(32));
  return hash.ok() ? *hash : Hash256{};
}

ObjectRef ReadObject(ByteReader& in) {
  ObjectRef object;
  const uint8_t kind = in.U8();
  if (kind > static_cast<uint8_t>(ObjectKind::kDelta)) in.Fail();
  object.kind = static_cast<ObjectKind>(kind);
  object.base = VersionId{in.U64()};
  object.base_root = ReadHash(in);
  object.codec = in.U32();
  object.bytes = in.U64();
  object.decoded_bytes = in.U64();
  object.chunk_size = in.U32();
  const uint32_t chunks = in.U32();
  if (chunks > kMaxChunksPerObject || chunks > in.remaining() / 32) in.Fail();
  for (uint32_t i = 0; i < chunks && in.ok(); ++i) object.chunks.push_back(ReadHash(in));
  return object;
}

}  // namespace

std::string Manifest::Encode() const {
  ByteWriter out;
  out.Raw(kMagic);
  out.Bytes(model_id);
  out.U64(version.value);
  out.U64(parent.value);
  out.Raw(architecture.View());
  out.Raw(target_root.View());
  out.U64(scale_set);
  out.U64(trained_until);
  out.Raw(report_hash.View());
  out.U64(fp32_bytes);
  out.U32(minimum_runtime);
  out.I64(created_us);
  out.I64(expires_us);
  out.U8(static_cast<uint8_t>(objects.size()));
  for (const ObjectRef& object : objects) WriteObject(object, out);
  return out.Take();
}

Result<Manifest> Manifest::Decode(std::string_view bytes) {
  if (bytes.size() > kMaxManifestBytes) return Corruption("manifest: larger than 1 MiB");
  ByteReader in(bytes);
  if (in.Raw(kMagic.size()) != kMagic) return Corruption("manifest: unknown format version");
  Manifest manifest;
  manifest.model_id = in.Bytes(kMaxModelIdBytes);
  manifest.version = VersionId{in.U64()};
  manifest.parent = VersionId{in.U64()};
  manifest.architecture = ReadHash(in);
  manifest.target_root = ReadHash(in);
  manifest.scale_set = in.U64();
  manifest.trained_until = in.U64();
  manifest.report_hash = ReadHash(in);
  manifest.fp32_bytes = in.U64();
  manifest.minimum_runtime = in.U32();
  manifest.created_us = in.I64();
  manifest.expires_us = in.I64();
  const uint8_t objects = in.U8();
  if (objects > kMaxObjects) in.Fail();
  for (uint8_t i = 0; i < objects && in.ok(); ++i) manifest.objects.push_back(ReadObject(in));
  PERENNIAL_RETURN_IF_ERROR(in.Finish("manifest"));
  if (Status valid = manifest.Validate(); !valid.ok()) return Corruption(valid.message());
  // A length written in more bytes than it needs would decode too; signatures want one spelling only.
  if (manifest.Encode() != bytes) return Corruption("manifest: not in canonical form");
  return manifest;
}

}  // namespace perennial::format
