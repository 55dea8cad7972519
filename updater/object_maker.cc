#include "updater/object_maker.h"

#include <string_view>

#include "storage/base/bytes.h"
#include "storage/format/image_head.h"
#include "updater/codec.h"
#include "updater/delta_plan.h"

namespace perennial::updater {
namespace {

// Magics and flags beside head and numbers, with room to spare.
constexpr uint64_t kDecodedAllowance = 65536;

uint64_t DecodedBytes(const format::VersionImage& image) {
  const format::ImageVolume volume = format::VolumeOf(image);
  ByteWriter head;
  format::WriteImageHead(image, head);
  return head.size() + volume.codes + 4 * volume.floats + kDecodedAllowance;
}

MadeObject Cut(format::ObjectRef ref, std::string bytes, const format::VersionImage& image, uint32_t chunk_size) {
  ref.bytes = bytes.size();
  ref.decoded_bytes = DecodedBytes(image);
  ref.chunk_size = chunk_size;
  for (size_t start = 0; start < bytes.size(); start += chunk_size) {
    ref.chunks.push_back(Sha256(std::string_view(bytes).substr(start, chunk_size)));
  }
  return {std::move(ref), std::move(bytes)};
}

}  // namespace

Result<MadeObject> MakeSnapshotObject(const format::VersionImage& image, uint32_t chunk_size) {
  PERENNIAL_ASSIGN_OR_RETURN(std::string bytes, EncodeSnapshot(image));
  format::ObjectRef ref;
  ref.kind = format::ObjectKind::kSnapshot;
  ref.codec = kCodecSnapshotZstd;
  return Cut(std::move(ref), std::move(bytes), image, chunk_size);
}

Result<MadeObject> MakeDeltaObject(VersionId base_version, const format::VersionImage& base,
                                   const format::VersionImage& image, uint32_t chunk_size) {
  PERENNIAL_ASSIGN_OR_RETURN(std::string bytes, EncodeDelta(base, image));
  format::ObjectRef ref;
  ref.kind = format::ObjectKind::kDelta;
  ref.base = base_version;
  ref.base_root = base.Root();
  ref.codec = kCodecDeltaRange;
  return Cut(std::move(ref), std::move(bytes), image, chunk_size);
}

void AppendChunks(const MadeObject& object, std::vector<std::string>& chunks) {
  for (size_t start = 0; start < object.bytes.size(); start += object.ref.chunk_size) {
    chunks.push_back(object.bytes.substr(start, object.ref.chunk_size));
  }
}

bool IsDeltaBase(const format::VersionImage& base, const format::VersionImage& image) {
  return base.scale_set == image.scale_set && base.spec.ArchitectureHash() == image.spec.ArchitectureHash();
}

double ChangedRatio(const format::VersionImage& base, const format::VersionImage& image) {
  const std::vector<TensorPlan> plans = PlanDelta(base, image);
  uint64_t codes = 0, changed = 0;
  for (size_t i = 0; i < plans.size(); ++i) {
    const auto& stream = plans[i].codes;
    codes += stream.common;
    for (size_t j = 0; j < stream.common; ++j) changed += stream.base[j] != image.tensors[i].codes[j] ? 1 : 0;
  }
  return codes == 0 ? 0.0 : static_cast<double>(changed) / static_cast<double>(codes);
}

}  // namespace perennial::updater
