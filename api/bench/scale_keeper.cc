#include "api/bench/scale_keeper.h"

#include "api/hub/candidate_sink.h"
#include "updater/object_maker.h"
#include "updater/publisher.h"

namespace perennial::bench {

Status ScaleKeeper::NotePublished(const format::VersionImage& image, double saturated_ratio) {
  const updater::PublisherOptions defaults;
  renew_ = saturated_ratio > hub::ReleasingSink::kMaxSaturatedRatio;
  if (newest_ != nullptr && newest_->scale_set != image.scale_set) ++renewals_;
  if (newest_ != nullptr && updater::IsDeltaBase(*newest_, image)) {
    PERENNIAL_ASSIGN_OR_RETURN(const auto snapshot, updater::MakeSnapshotObject(image, defaults.chunk_size));
    PERENNIAL_ASSIGN_OR_RETURN(const auto delta,
                               updater::MakeDeltaObject(VersionId{published_}, *newest_, image, defaults.chunk_size));
    const double limit = defaults.delta_over_snapshot_limit * static_cast<double>(snapshot.ref.bytes);
    renew_ = renew_ || static_cast<double>(delta.ref.bytes) > limit;
  }
  newest_ = std::make_shared<const format::VersionImage>(image);
  ++published_;
  return Status::Ok();
}

}  // namespace perennial::bench
