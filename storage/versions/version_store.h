#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/hash.h"
#include "storage/base/ids.h"
#include "storage/base/status.h"
#include "storage/format/manifest.h"
#include "storage/kv/kv_store.h"

namespace perennial::versions {

// What a hub decided about a version; kept for good, also after its chunks are collected.
enum class VersionFate : uint8_t { kPublished, kCanary, kStable, kRetired, kRolledBack, kRefused };
std::string_view FateName(VersionFate fate);

struct VersionRecord {
  format::Manifest manifest;
  format::SignedManifest signed_manifest;
  VersionFate fate = VersionFate::kPublished;
  std::string reason;             // of the last change of fate, in words
  std::string report_json;        // evaluation report; empty on nodes
  bool content_available = true;  // false once collected
};

// Content-addressed chunks, signed manifests and named slots on a KvStore; used by hub and node alike. A version is
// published in one synced batch: all of it is there or nothing. Chunks that arrive one by one (a node's download) are
// put as they come and belong to nobody until a publish refers to them. Thread-safe.
class VersionStore {
 public:
  static std::vector<std::string> Families();
  static Result<std::unique_ptr<VersionStore>> Open(kv::KvStore& store);
  virtual ~VersionStore() = default;

  // 1 + the greatest version ever seen, also after a gc.
  virtual VersionId NextVersion() const = 0;

  // Checks that every chunk's hash is its key, that all chunks the manifest names are in `chunks` or stored, then
  // writes all at once. kAlreadyExists when the version number was used (with the same bytes: ok, and collected content
  // is back).
  virtual Status Publish(const format::SignedManifest& manifest, std::string_view report_json,
                         const std::vector<std::string>& chunks) = 0;
  virtual Result<VersionRecord> Get(VersionId version) const = 0;
  virtual std::vector<VersionRecord> List() const = 0;  // ascending
  virtual Status SetFate(VersionId version, VersionFate fate, std::string_view reason) = 0;

  // Whether the chunk is stored and whole: false when the disk lied, so that a download fetches it again.
  virtual bool HasChunk(const Hash256& hash) const = 0;
  // Verified against its hash on every read: kCorruption when the disk lied, kNotFound when absent.
  virtual Result<std::string> ReadChunk(const Hash256& hash) const = 0;
  // kCorruption unless SHA-256(bytes) == hash.
  virtual Status PutChunk(const Hash256& hash, std::string_view bytes) = 0;
  // All chunks of an object, joined; size and hashes verified.
  virtual Result<std::string> ReadObject(const format::ObjectRef& object) const = 0;

  // Named durable slots ("stable", "candidate", "last_good", "A", "B"), small opaque values; several change in one
  // synced batch; nullopt removes.
  using SlotChange = std::pair<std::string, std::optional<std::string>>;
  virtual Status SetSlots(const std::vector<SlotChange>& changes) = 0;
  virtual std::optional<std::string> Slot(std::string_view name) const = 0;

  // Frees chunks that no version in `keep` refers to, and unowned chunks; the records stay. Never frees what is
  // referenced or what a running Publish is about to refer to. Returns freed bytes.
  virtual Result<uint64_t> CollectGarbage(const std::vector<VersionId>& keep) = 0;
};

}  // namespace perennial::versions
