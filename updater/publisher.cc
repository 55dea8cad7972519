#include "updater/publisher.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <vector>

#include "storage/base/log.h"
#include "updater/codec.h"
#include "updater/image_cache.h"
#include "updater/object_maker.h"

namespace perennial::updater {
namespace {

// The previous version, the stable one, and what a rollback just looked at.
constexpr size_t kCachedImages = 3;

class StorePublisher final : public Publisher {
 public:
  StorePublisher(versions::VersionStore& store, const trust::Signer& signer, PublisherOptions options,
                 const Clock& clock)
      : store_(store), signer_(signer), options_(std::move(options)), clock_(clock) {}

  // The newest version that is still whole is the base of the next delta.
  void FindPrevious() {
    for (const versions::VersionRecord& record : store_.List()) {
      if (record.content_available && record.manifest.model_id == options_.model_id)
        previous_ = record.manifest.version;
    }
  }

  Result<PublishOutcome> Publish(const format::VersionImage& image, std::string_view report_json, VersionId parent,
                                 VersionId stable) override;
  Result<PublishOutcome> Republish(VersionId old, std::string_view why, VersionId stable) override;
  Result<std::shared_ptr<const format::VersionImage>> Load(VersionId version) override;

 private:
  using Image = std::shared_ptr<const format::VersionImage>;

  // The image of a version that a delta of `image` may start from; null when there is none to use.
  Image DeltaBase(VersionId version, const format::VersionImage& image);
  // A delta that is worth shipping beside a snapshot of `snapshot_bytes`, or nothing.
  Result<std::optional<MadeObject>> WorthwhileDelta(VersionId version, const format::VersionImage& base,
                                                    const format::VersionImage& image, uint64_t snapshot_bytes) const;
  // The snapshot first, then the deltas; fills the outcome's sizes.
  Result<std::vector<MadeObject>> MakeObjects(const format::VersionImage& image, VersionId stable,
                                              PublishOutcome& outcome);
  // All of the manifest but version, times, parent and report.
  format::Manifest Describe(const format::VersionImage& image, const std::vector<MadeObject>& objects) const;
  void Stamp(format::Manifest& manifest, VersionId version) const;

  versions::VersionStore& store_;
  const trust::Signer& signer_;
  const PublisherOptions options_;
  const Clock& clock_;
  VersionId previous_;  // last durably published version: the diff base
  ImageCache cache_{kCachedImages};
};

StorePublisher::Image StorePublisher::DeltaBase(VersionId version, const format::VersionImage& image) {
  if (version.value == 0) return nullptr;
  const Result<Image> base = Load(version);
  if (!base.ok()) {
    // A snapshot still goes out, so this costs bytes and not the publish.
    log::Warn("delta_base_unreadable", {{"version", version.value}, {"why", base.status().ToString()}});
    return nullptr;
  }
  return IsDeltaBase(**base, image) ? *base : nullptr;
}

Result<std::optional<MadeObject>> StorePublisher::WorthwhileDelta(VersionId version, const format::VersionImage& base,
                                                                  const format::VersionImage& image,
                                                                  uint64_t snapshot_bytes) const {
  PERENNIAL_ASSIGN_OR_RETURN(MadeObject delta, MakeDeltaObject(version, base, image, options_.chunk_size));
  const double limit = options_.delta_over_snapshot_limit * static_cast<double>(snapshot_bytes);
  if (static_cast<double>(delta.ref.bytes) > limit) return std::optional<MadeObject>();
  return std::optional<MadeObject>(std::move(delta));
}

void StorePublisher::Stamp(format::Manifest& manifest, VersionId version) const {
  manifest.version = version;
  manifest.created_us = clock_.WallMicros();
  const auto lifetime = std::chrono::duration_cast<std::chrono::microseconds>(options_.manifest_lifetime).count();
  manifest.expires_us = lifetime == 0 ? 0 : manifest.created_us + lifetime;
}

Result<std::vector<MadeObject>> StorePublisher::MakeObjects(const format::VersionImage& image, VersionId stable,
                                                            PublishOutcome& outcome) {
  std::vector<MadeObject> objects;
  PERENNIAL_ASSIGN_OR_RETURN(MadeObject snapshot, MakeSnapshotObject(image, options_.chunk_size));
  outcome.snapshot_bytes = snapshot.ref.bytes;
  objects.push_back(std::move(snapshot));
  if (const Image base = DeltaBase(previous_, image)) {
    outcome.changed_ratio = ChangedRatio(*base, image);
    PERENNIAL_ASSIGN_OR_RETURN(std::optional<MadeObject> delta,
                               WorthwhileDelta(previous_, *base, image, outcome.snapshot_bytes));
    outcome.wants_new_scales = !delta.has_value();
    if (delta) {
      if (previous_ == stable) outcome.delta_bytes = delta->ref.bytes;
      objects.push_back(std::move(*delta));
    }
  }
  if (stable == previous_) return objects;
  if (const Image base = DeltaBase(stable, image)) {
    PERENNIAL_ASSIGN_OR_RETURN(std::optional<MadeObject> delta,
                               WorthwhileDelta(stable, *base, image, outcome.snapshot_bytes));
    if (delta) {
      outcome.delta_bytes = delta->ref.bytes;
      objects.push_back(std::move(*delta));
    }
  }
  return objects;
}

format::Manifest StorePublisher::Describe(const format::VersionImage& image,
                                          const std::vector<MadeObject>& objects) const {
  format::Manifest manifest;
  manifest.model_id = options_.model_id;
  manifest.architecture = image.spec.ArchitectureHash();
  manifest.target_root = image.Root();
  manifest.scale_set = image.scale_set;
  manifest.trained_until = image.trained_until;
  manifest.fp32_bytes = image.Fp32Bytes();
  for (const MadeObject& object : objects) manifest.objects.push_back(object.ref);
  std::sort(manifest.objects.begin(), manifest.objects.end(), [](const auto& a, const auto& b) {
    return std::tuple(a.kind, a.base, a.codec) < std::tuple(b.kind, b.base, b.codec);
  });
  return manifest;
}

Result<PublishOutcome> StorePublisher::Publish(const format::VersionImage& image, std::string_view report_json,
                                               VersionId parent, VersionId stable) {
  PERENNIAL_RETURN_IF_ERROR(image.Validate().WithContext("publish"));
  PublishOutcome outcome;
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<MadeObject> objects, MakeObjects(image, stable, outcome));
  format::Manifest manifest = Describe(image, objects);
  Stamp(manifest, store_.NextVersion());
  manifest.parent = parent;
  manifest.report_hash = Sha256(report_json);
  PERENNIAL_RETURN_IF_ERROR(manifest.Validate().WithContext("publish"));
  std::vector<std::string> chunks;
  for (const MadeObject& object : objects) AppendChunks(object, chunks);
  PERENNIAL_RETURN_IF_ERROR(store_.Publish(signer_.SignManifest(manifest), report_json, chunks));
  // Only now: a publish that failed leaves the base that nodes can have.
  previous_ = manifest.version;
  cache_.Insert(manifest.target_root, std::make_shared<const format::VersionImage>(image));
  outcome.version = manifest.version;
  outcome.fp32_bytes = manifest.fp32_bytes;
  return outcome;
}

Result<PublishOutcome> StorePublisher::Republish(VersionId old, std::string_view why, VersionId stable) {
  PERENNIAL_ASSIGN_OR_RETURN(versions::VersionRecord record, store_.Get(old));
  if (!record.content_available) {
    return FailedPrecondition("the content of version " + old.ToString() + " was collected", "choose a newer version");
  }
  // The content must decode before anyone is told to run it.
  PERENNIAL_RETURN_IF_ERROR(Load(old).status().WithContext("republish version " + old.ToString()));
  format::Manifest manifest = std::move(record.manifest);
  Stamp(manifest, store_.NextVersion());
  manifest.parent = old;
  PERENNIAL_RETURN_IF_ERROR(store_.Publish(signer_.SignManifest(manifest), record.report_json, {}));
  previous_ = manifest.version;
  std::string reason = "content of version " + old.ToString();
  if (stable.value != 0) reason += " in place of version " + stable.ToString();
  reason.append(": ").append(why);
  const Status noted = store_.SetFate(manifest.version, versions::VersionFate::kPublished, reason);
  if (!noted.ok()) log::Warn("republish_reason_lost", {{"version", manifest.version.value}, {"why", noted.ToString()}});

  PublishOutcome outcome;
  outcome.version = manifest.version;
  outcome.fp32_bytes = manifest.fp32_bytes;
  outcome.snapshot_bytes = manifest.objects[0].bytes;
  return outcome;
}

Result<std::shared_ptr<const format::VersionImage>> StorePublisher::Load(VersionId version) {
  PERENNIAL_ASSIGN_OR_RETURN(const versions::VersionRecord record, store_.Get(version));
  const format::Manifest& manifest = record.manifest;
  if (Image cached = cache_.Find(manifest.target_root)) return cached;
  if (!record.content_available) return NotFound("the content of version " + version.ToString() + " was collected");
  const format::ObjectRef& snapshot = manifest.objects[0];
  PERENNIAL_ASSIGN_OR_RETURN(const std::string bytes, store_.ReadObject(snapshot));
  PERENNIAL_ASSIGN_OR_RETURN(format::VersionImage image, DecodeObject(snapshot, manifest.target_root, nullptr, bytes));
  Image loaded = std::make_shared<const format::VersionImage>(std::move(image));
  cache_.Insert(manifest.target_root, loaded);
  return loaded;
}

}  // namespace

Status PublisherOptions::Validate() const {
  if (model_id.empty()) return InvalidArgument("publisher: the model id is empty");
  if (chunk_size == 0 || chunk_size > format::kMaxChunkSize) {
    return InvalidArgument("publisher: chunk size must be 1 to " + std::to_string(format::kMaxChunkSize) + " bytes");
  }
  if (!(delta_over_snapshot_limit > 0 && delta_over_snapshot_limit <= 1)) {
    return InvalidArgument("publisher: the delta limit must be over 0 and at most 1");
  }
  if (manifest_lifetime < Duration::zero()) return InvalidArgument("publisher: the manifest lifetime is negative");
  return Status::Ok();
}

Result<std::unique_ptr<Publisher>> Publisher::Open(versions::VersionStore& store, const trust::Signer& signer,
                                                   PublisherOptions options, const Clock& clock) {
  PERENNIAL_RETURN_IF_ERROR(options.Validate());
  auto publisher = std::make_unique<StorePublisher>(store, signer, std::move(options), clock);
  publisher->FindPrevious();
  return std::unique_ptr<Publisher>(std::move(publisher));
}

}  // namespace perennial::updater
