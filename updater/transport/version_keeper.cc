#include "updater/transport/version_keeper.h"

#include "storage/base/log.h"
#include "updater/codec.h"
#include "updater/object_maker.h"

namespace perennial::transport {
namespace {

// The chunk size of the hub's snapshot: the same bytes then give the same chunks.
uint32_t ChunkSizeOf(const format::Manifest& manifest) {
  return manifest.objects.empty() ? format::kMaxChunkSize : manifest.objects.front().chunk_size;
}

}  // namespace

Result<ImagePtr> VersionKeeper::Load(const SlotEntry& entry) const {
  const std::string what = "load version " + entry.version.ToString() + " from the node's store";
  PERENNIAL_ASSIGN_OR_RETURN(const versions::VersionRecord record, store_.Get(entry.entry).WithContext(what));
  if (record.manifest.objects.empty()) return Corruption(what + ": no snapshot");
  const format::ObjectRef& snapshot = record.manifest.objects.front();
  PERENNIAL_ASSIGN_OR_RETURN(const std::string bytes, store_.ReadObject(snapshot).WithContext(what));
  PERENNIAL_ASSIGN_OR_RETURN(format::VersionImage image,
                             updater::DecodeObject(snapshot, entry.root, nullptr, bytes).WithContext(what));
  return ImagePtr(std::make_shared<format::VersionImage>(std::move(image)));
}

Result<ImagePtr> VersionKeeper::Decode(const format::Manifest& manifest, const ObjectChoice& choice) const {
  ImagePtr base;
  if (choice.base.has_value()) {
    PERENNIAL_ASSIGN_OR_RETURN(base, Load(*choice.base));
  }
  PERENNIAL_ASSIGN_OR_RETURN(const std::string bytes, store_.ReadObject(choice.object));
  PERENNIAL_ASSIGN_OR_RETURN(format::VersionImage image,
                             updater::DecodeObject(choice.object, manifest.target_root, base.get(), bytes));
  if (image.spec.ArchitectureHash() != manifest.architecture) {
    return Corruption("the version's network is not the one its manifest names");
  }
  return ImagePtr(std::make_shared<format::VersionImage>(std::move(image)));
}

Result<VersionId> VersionKeeper::Keep(const format::Manifest& manifest, const format::ObjectRef* fetched,
                                      const format::VersionImage& image) {
  format::Manifest own = manifest;
  std::vector<std::string> chunks;
  format::ObjectRef snapshot;
  if (fetched != nullptr && fetched->kind == format::ObjectKind::kSnapshot) {
    snapshot = *fetched;
  } else {
    PERENNIAL_ASSIGN_OR_RETURN(const updater::MadeObject made,
                               updater::MakeSnapshotObject(image, ChunkSizeOf(manifest)));
    updater::AppendChunks(made, chunks);
    snapshot = made.ref;
  }
  own.version = store_.NextVersion();
  own.parent = {};
  own.objects = {snapshot};
  PERENNIAL_RETURN_IF_ERROR(store_.Publish({own.Encode(), {}}, {}, chunks).WithContext("keep the version"));
  return own.version;
}

void VersionKeeper::Collect(const std::vector<SlotEntry>& residents) {
  std::vector<VersionId> keep;
  for (const SlotEntry& entry : residents) keep.push_back(entry.entry);
  const Result<uint64_t> freed = store_.CollectGarbage(keep);
  if (!freed.ok()) log::Warn("update.collect", {{"error", freed.status().ToString()}});
}

}  // namespace perennial::transport
