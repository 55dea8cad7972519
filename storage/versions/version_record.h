#pragma once

#include <string>
#include <string_view>

#include "storage/base/ids.h"
#include "storage/base/status.h"
#include "storage/versions/version_store.h"

// How records stand in the key-value store (storage/versions/version_store.md). Pure.
namespace perennial::versions {

// Part of a version that never changes: family versions.manifests, key VersionKey().
struct StoredManifest {
  format::SignedManifest signed_manifest;
  std::string report_json;
};
std::string EncodeStoredManifest(const format::SignedManifest& manifest, std::string_view report_json);
Result<StoredManifest> DecodeStoredManifest(std::string_view bytes);

// Part that changes: family versions.meta, key VersionKey().
struct StoredState {
  VersionFate fate = VersionFate::kPublished;
  std::string reason;
  bool content_available = true;
};
std::string EncodeStoredState(const StoredState& state);
Result<StoredState> DecodeStoredState(std::string_view bytes);

// Big-endian, so that the store's order is the order of versions.
std::string VersionKey(VersionId version);

}  // namespace perennial::versions
