#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "storage/base/clock.h"
#include "storage/base/status.h"
#include "storage/format/version_image.h"
#include "storage/versions/version_store.h"
#include "updater/trust/signer.h"

namespace perennial::updater {

struct PublisherOptions {
  std::string model_id = "default";
  uint32_t chunk_size = 64u << 10;
  double delta_over_snapshot_limit =
      0.6;  // a delta larger than this share of its snapshot is not shipped, and asks for new scales
  Duration manifest_lifetime{0};  // 0: never expires
  Status Validate() const;
};

struct PublishOutcome {
  VersionId version;
  uint64_t snapshot_bytes = 0;
  uint64_t delta_bytes = 0;  // against the stable version, what nodes load; 0: none was shipped
  uint64_t fp32_bytes = 0;
  double changed_ratio = 0;       // of int8 codes against the previous version
  bool wants_new_scales = false;  // the next version should be quantised with fresh scales
};

// Turns a VersionImage into a signed, stored version: a snapshot, and deltas against the previous version and against
// the stable one when those are others with the same architecture and scales. The diff base advances only when the
// publish is durable. Thread-compatible (one trainer publishes).
class Publisher {
 public:
  static Result<std::unique_ptr<Publisher>> Open(versions::VersionStore& store, const trust::Signer& signer,
                                                 PublisherOptions options, const Clock& clock);
  virtual ~Publisher() = default;
  // `stable` is the version most nodes hold (0: none).
  virtual Result<PublishOutcome> Publish(const format::VersionImage& image, std::string_view report_json,
                                         VersionId parent, VersionId stable) = 0;
  // Forward rollback: a new version number whose content is that of `old`. Nodes that hold the content download
  // nothing.
  virtual Result<PublishOutcome> Republish(VersionId old, std::string_view why, VersionId stable) = 0;
  // The image of a stored version, decoded and checked against its root.
  virtual Result<std::shared_ptr<const format::VersionImage>> Load(VersionId version) = 0;
};

}  // namespace perennial::updater
