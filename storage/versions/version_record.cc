#include "storage/versions/version_record.h"

#include "storage/base/bytes.h"

namespace perennial::versions {
namespace {

constexpr uint8_t kFormatVersion = 1;

}  // namespace

std::string_view FateName(VersionFate fate) {
  switch (fate) {
    case VersionFate::kPublished:
      return "published";
    case VersionFate::kCanary:
      return "canary";
    case VersionFate::kStable:
      return "stable";
    case VersionFate::kRetired:
      return "retired";
    case VersionFate::kRolledBack:
      return "rolled_back";
    case VersionFate::kRefused:
      return "refused";
  }
  return "unknown";
}

std::string EncodeStoredManifest(const format::SignedManifest& manifest, std::string_view report_json) {
  ByteWriter out;
  out.U8(kFormatVersion);
  out.Bytes(manifest.Encode());
  out.Bytes(report_json);
  return out.Take();
}

Result<StoredManifest> DecodeStoredManifest(std::string_view bytes) {
  ByteReader in(bytes);
  if (in.U8() != kFormatVersion) return Corruption("version record: unknown format version");
  const std::string_view manifest = in.Bytes();
  const std::string_view report = in.Bytes();
  PERENNIAL_RETURN_IF_ERROR(in.Finish("version record"));
  PERENNIAL_ASSIGN_OR_RETURN(format::SignedManifest signed_manifest, format::SignedManifest::Decode(manifest));
  return StoredManifest{std::move(signed_manifest), std::string(report)};
}

std::string EncodeStoredState(const StoredState& state) {
  ByteWriter out;
  out.U8(kFormatVersion);
  out.U8(static_cast<uint8_t>(state.fate));
  out.U8(state.content_available ? 1 : 0);
  out.Bytes(state.reason);
  return out.Take();
}

Result<StoredState> DecodeStoredState(std::string_view bytes) {
  ByteReader in(bytes);
  if (in.U8() != kFormatVersion) return Corruption("version state: unknown format version");
  StoredState state;
  const uint8_t fate = in.U8();
  if (fate > static_cast<uint8_t>(VersionFate::kRefused)) return Corruption("version state: unknown fate");
  state.fate = static_cast<VersionFate>(fate);
  state.content_available = in.U8() != 0;
  state.reason = in.Bytes();
  PERENNIAL_RETURN_IF_ERROR(in.Finish("version state"));
  return state;
}

std::string VersionKey(VersionId version) { return BigEndian64(version.value); }

}  // namespace perennial::versions
