#include "updater/codec.h"

#include "updater/codecs.h"

namespace perennial::updater {

Result<const Codec*> FindCodec(uint32_t id) {
  for (const Codec* codec : {&SnapshotZstd(), &DeltaRange()}) {
    if (codec->id() == id) return codec;
  }
  return NotFound("there is no codec " + std::to_string(id) + " in this build", "update the node's software");
}

Result<format::VersionImage> DecodeObject(const format::ObjectRef& object, const Hash256& target_root,
                                          const format::VersionImage* base, std::string_view bytes) {
  PERENNIAL_ASSIGN_OR_RETURN(const Codec* codec, FindCodec(object.codec));
  if (codec->kind() != object.kind) return Corruption("object: its codec is not one for its kind");
  if (object.kind == format::ObjectKind::kDelta) {
    if (base == nullptr) return FailedPrecondition("delta: its base is not here", "fetch the snapshot");
    if (base->Root() != object.base_root) {
      return FailedPrecondition("delta: the base held here is not the one it was made against", "fetch the snapshot");
    }
  } else {
    base = nullptr;
  }
  PERENNIAL_ASSIGN_OR_RETURN(format::VersionImage image, codec->Decode(base, bytes, object.decoded_bytes));
  if (image.Root() != target_root) return Corruption("object: what it decodes to is not the version's content");
  return image;
}

Result<std::string> EncodeSnapshot(const format::VersionImage& target) {
  return SnapshotZstd().Encode(nullptr, target);
}

Result<format::VersionImage> DecodeSnapshot(std::string_view bytes, uint64_t max_bytes) {
  return SnapshotZstd().Decode(nullptr, bytes, max_bytes);
}

Result<std::string> EncodeDelta(const format::VersionImage& base, const format::VersionImage& target) {
  return DeltaRange().Encode(&base, target);
}

Result<format::VersionImage> DecodeDelta(const format::VersionImage& base, std::string_view bytes, uint64_t max_bytes) {
  return DeltaRange().Decode(&base, bytes, max_bytes);
}

}  // namespace perennial::updater
