#include "storage/base/bytes.h"
#include "storage/format/manifest.h"

namespace perennial::format {
namespace {

constexpr std::string_view kMagic = "PSM1";
constexpr size_t kMaxSignatures = 16;
constexpr size_t kKeyIdBytes = 8;
constexpr size_t kSignatureBytes = 64;

}  // namespace

std::string SignedManifest::Encode() const {
  ByteWriter out;
  out.Raw(kMagic);
  out.U32(static_cast<uint32_t>(bytes.size()));
  out.Raw(bytes);
  out.U8(static_cast<uint8_t>(signatures.size()));
  for (const Signature& signature : signatures) {
    out.Raw(signature.key_id);
    out.Raw(signature.signature);
  }
  return out.Take();
}

Result<SignedManifest> SignedManifest::Decode(std::string_view input) {
  ByteReader in(input);
  if (in.Raw(kMagic.size()) != kMagic) return Corruption("signed manifest: unknown format version");
  SignedManifest manifest;
  const uint32_t size = in.U32();
  if (size > kMaxManifestBytes) return Corruption("signed manifest: larger than 1 MiB");
  manifest.bytes = in.Raw(size);
  const uint8_t count = in.U8();
  if (count > kMaxSignatures) return Corruption("signed manifest: more than 16 signatures");
  for (uint8_t i = 0; i < count && in.ok(); ++i) {
    Signature signature;
    signature.key_id = in.Raw(kKeyIdBytes);
    signature.signature = in.Raw(kSignatureBytes);
    manifest.signatures.push_back(std::move(signature));
  }
  PERENNIAL_RETURN_IF_ERROR(in.Finish("signed manifest"));
  return manifest;
}

}  // namespace perennial::format
