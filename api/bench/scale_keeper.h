#pragma once

#include <cstdint>
#include <memory>

#include "storage/base/status.h"
#include "storage/format/version_image.h"

namespace perennial::bench {

// Decides as a hub does (api/hub ReleasingSink, updater Publisher) whether the next candidate is quantised with the
// scales of the newest version or with fresh ones: fresh when the last accepted candidate had too many cut-off codes,
// or when its delta was hardly smaller than a snapshot. Thread-compatible.
class ScaleKeeper {
 public:
  // Null: fresh scales.
  const format::VersionImage* Frozen() const { return renew_ ? nullptr : newest_.get(); }
  uint64_t NextScaleSet() const { return published_ + 1; }
  // The version was published.
  Status NotePublished(const format::VersionImage& image, double saturated_ratio);
  uint64_t renewals() const { return renewals_; }  // scale sets after the first

 private:
  std::shared_ptr<const format::VersionImage> newest_;
  uint64_t published_ = 0;
  uint64_t renewals_ = 0;
  bool renew_ = false;
};

}  // namespace perennial::bench
