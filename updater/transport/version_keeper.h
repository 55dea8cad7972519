#pragma once

#include <memory>
#include <vector>

#include "storage/format/manifest.h"
#include "storage/format/version_image.h"
#include "storage/versions/version_store.h"
#include "updater/transport/node_slots.h"
#include "updater/transport/object_choice.h"

namespace perennial::transport {

using ImagePtr = std::shared_ptr<const format::VersionImage>;

// Whole versions in a node's store: one snapshot each, so that a node boots without the deltas that led there. Confined
// to the loader.
class VersionKeeper {
 public:
  explicit VersionKeeper(versions::VersionStore& store) : store_(store) {}

  // The version in a slot, decoded and checked against the slot's root.
  Result<ImagePtr> Load(const SlotEntry& entry) const;
  // Decodes a fetched object (all its chunks are stored) and checks it against the manifest: base, root, architecture.
  Result<ImagePtr> Decode(const format::Manifest& manifest, const ObjectChoice& choice) const;
  // Keeps `image` under a number of the node's own, in one synced batch. A fetched snapshot's chunks are used as they
  // are; `fetched` null or a delta: the image is encoded here.
  Result<VersionId> Keep(const format::Manifest& manifest, const format::ObjectRef* fetched,
                         const format::VersionImage& image);
  // Frees what none of `residents` needs, half-fetched objects too.
  void Collect(const std::vector<SlotEntry>& residents);

 private:
  versions::VersionStore& store_;
};

}  // namespace perennial::transport
