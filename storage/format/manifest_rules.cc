#include <limits>
#include <string>
#include <tuple>

#include "storage/format/manifest.h"

namespace perennial::format {
namespace {

// 1 TiB: far above any model here, far below where sums of sizes could overflow.
constexpr uint64_t kMaxObjectBytes = uint64_t{1} << 40;
// Room that the fixed fields of a manifest and of its objects take at most; the rest is chunk hashes.
constexpr size_t kFixedBytes = 512;
constexpr size_t kFixedBytesPerObject = 80;

Status Bad(const std::string& why) { return InvalidArgument("manifest: " + why); }

Status CheckModelId(const std::string& id) {
  if (id.empty() || id.size() > 64) return Bad("model id must have 1 to 64 characters");
  for (const char c : id) {
    const bool good =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    if (!good) return Bad("model id may hold letters, digits, '-', '_' and '.' only");
  }
  return Status::Ok();
}

Status CheckObject(const ObjectRef& object, VersionId version) {
  const bool delta = object.kind == ObjectKind::kDelta;
  if (!delta && (object.base.value != 0 || !object.base_root.IsZero())) return Bad("a snapshot has no base");
  if (delta && (object.base.value == 0 || object.base >= version || object.base_root.IsZero())) {
    return Bad("a delta needs an older base version and its root");
  }
  if (object.bytes == 0 || object.bytes > kMaxObjectBytes) return Bad("an object's size is out of range");
  if (object.decoded_bytes == 0 || object.decoded_bytes > kMaxObjectBytes) {
    return Bad("an object's decoded size is out of range");
  }
  if (object.chunk_size == 0 || object.chunk_size > kMaxChunkSize) return Bad("a chunk size is out of range");
  const uint64_t chunks = (object.bytes + object.chunk_size - 1) / object.chunk_size;
  if (chunks > kMaxChunksPerObject) return Bad("an object has too many chunks");
  if (chunks != object.chunks.size()) return Bad("an object's chunk count does not fit its size");
  return Status::Ok();
}

auto OrderKey(const ObjectRef& object) { return std::tuple(object.kind, object.base, object.codec); }

Status CheckObjects(const Manifest& manifest) {
  const auto& objects = manifest.objects;
  if (objects.size() > kMaxObjects) return Bad("more than 64 objects");
  size_t size = kFixedBytes;
  for (size_t i = 0; i < objects.size(); ++i) {
    PERENNIAL_RETURN_IF_ERROR(CheckObject(objects[i], manifest.version));
    if (i > 0 && OrderKey(objects[i - 1]) >= OrderKey(objects[i])) {
      return Bad("objects must stand in the order of kind, base and codec, each once");
    }
    size += kFixedBytesPerObject + 32 * objects[i].chunks.size();
  }
  if (objects.empty() || objects[0].kind != ObjectKind::kSnapshot) return Bad("at least one snapshot is needed");
  if (size > kMaxManifestBytes) return Bad("larger than 1 MiB; use larger chunks");
  return Status::Ok();
}

}  // namespace

Status Manifest::Validate() const {
  PERENNIAL_RETURN_IF_ERROR(CheckModelId(model_id));
  if (version.value == 0) return Bad("version 0 means none");
  if (version.value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return Bad("version over 2^63 - 1");
  if (parent >= version) return Bad("the parent must be older than the version");
  if (target_root.IsZero()) return Bad("the target root is missing");
  if (created_us < 0 || expires_us < 0) return Bad("a time before 1970");
  if (expires_us != 0 && expires_us <= created_us) return Bad("it expires before it was made");
  return CheckObjects(*this);
}

}  // namespace perennial::format
