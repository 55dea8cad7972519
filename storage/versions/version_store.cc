#include "storage/versions/version_store.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "storage/base/bytes.h"
#include "storage/base/mutex.h"
#include "storage/versions/chunk_table.h"
#include "storage/versions/version_record.h"

namespace perennial::versions {
namespace {

constexpr const char* kManifests = "versions.manifests";
constexpr const char* kChunks = "versions.chunks";
constexpr const char* kSlots = "versions.slots";
constexpr const char* kMeta = "versions.meta";

using ChunkMap = std::unordered_map<Hash256, std::string_view>;

// The one implementation. Reads go straight to the KvStore; whatever decides on what it has read before it writes
// (publish, fate, slots, gc) holds mutex_, so a gc never runs inside a publish.
class KvVersionStore final : public VersionStore {
 public:
  struct Tables {
    kv::Family manifests, chunks, slots, meta;
  };
  KvVersionStore(kv::KvStore& store, Tables tables) : store_(store), tables_(tables), chunks_(store, tables.chunks) {}

  Status LoadSlotsAndCounter();

  VersionId NextVersion() const override {
    MutexLock lock(mutex_);
    return VersionId{greatest_.value + 1};
  }
  Status Publish(const format::SignedManifest& signed_manifest, std::string_view report_json,
                 const std::vector<std::string>& chunks) override;
  Result<VersionRecord> Get(VersionId version) const override;
  std::vector<VersionRecord> List() const override;
  Status SetFate(VersionId version, VersionFate fate, std::string_view reason) override;

  bool HasChunk(const Hash256& hash) const override { return chunks_.Has(hash); }
  Result<std::string> ReadChunk(const Hash256& hash) const override { return chunks_.Read(hash); }
  Status PutChunk(const Hash256& hash, std::string_view bytes) override { return chunks_.Put(hash, bytes); }
  Result<std::string> ReadObject(const format::ObjectRef& object) const override { return chunks_.ReadObject(object); }

  Status SetSlots(const std::vector<SlotChange>& changes) override;
  std::optional<std::string> Slot(std::string_view name) const override;
  Result<uint64_t> CollectGarbage(const std::vector<VersionId>& keep) override;

 private:
  Result<VersionRecord> MakeRecord(std::string_view manifest_bytes, std::string_view state_bytes) const;
  // Puts every chunk of the manifest that is not stored yet; kNotFound when one is in neither place.
  Status AddMissingChunks(const format::Manifest& manifest, const ChunkMap& given, kv::WriteBatch& batch) const
      REQUIRES_LOCK(mutex_);
  Result<HashSet> ChunksOf(const std::vector<VersionId>& versions) const;

  kv::KvStore& store_;
  const Tables tables_;
  ChunkTable chunks_;

  mutable Mutex mutex_;
  VersionId greatest_ GUARDED_BY(mutex_);
  std::map<std::string, std::string, std::less<>> slots_ GUARDED_BY(mutex_);  // what versions.slots holds
};

Status KvVersionStore::LoadSlotsAndCounter() {
  MutexLock lock(mutex_);
  const std::unique_ptr<kv::Iterator> slot = store_.NewIterator(tables_.slots);
  for (slot->SeekToFirst(); slot->Valid(); slot->Next()) slots_.emplace(slot->key(), slot->value());
  PERENNIAL_RETURN_IF_ERROR(slot->status());
  const std::unique_ptr<kv::Iterator> manifest = store_.NewIterator(tables_.manifests);
  manifest->SeekToLast();
  if (manifest->Valid()) {
    if (manifest->key().size() != 8) return Corruption("a version key has not 8 bytes");
    greatest_ = VersionId{ReadBigEndian64(manifest->key())};
  }
  return manifest->status();
}

// The manifest's chunks among `chunks`, by hash; kInvalidArgument for a chunk that it does not name.
Result<ChunkMap> MapChunks(const format::Manifest& manifest, const std::vector<std::string>& chunks) {
  HashSet named;
  AddChunks(manifest, named);
  ChunkMap given;
  for (const std::string& chunk : chunks) {
    const Hash256 hash = Sha256(chunk);
    if (!named.contains(hash)) {
      return InvalidArgument("chunk " + hash.Short() + " is not named by the manifest of version " +
                             manifest.version.ToString());
    }
    given.emplace(hash, chunk);
  }
  return given;
}

Status KvVersionStore::AddMissingChunks(const format::Manifest& manifest, const ChunkMap& given,
                                        kv::WriteBatch& batch) const {
  HashSet named;
  AddChunks(manifest, named);
  for (const Hash256& hash : named) {
    if (chunks_.Has(hash)) continue;
    const auto found = given.find(hash);
    if (found == given.end()) {
      return NotFound("version " + manifest.version.ToString() + " needs chunk " + hash.Short() +
                          ", which is neither given nor stored",
                      "fetch it, then publish again");
    }
    chunks_.Put(hash, found->second, batch);
  }
  return Status::Ok();
}

Status KvVersionStore::Publish(const format::SignedManifest& signed_manifest, std::string_view report_json,
                               const std::vector<std::string>& chunks) {
  PERENNIAL_ASSIGN_OR_RETURN(const format::Manifest manifest, format::Manifest::Decode(signed_manifest.bytes));
  PERENNIAL_ASSIGN_OR_RETURN(const ChunkMap given, MapChunks(manifest, chunks));
  const std::string key = VersionKey(manifest.version);

  MutexLock lock(mutex_);
  StoredState state;
  PERENNIAL_ASSIGN_OR_RETURN(const std::optional<std::string> old, store_.Get(tables_.manifests, key));
  if (old) {
    PERENNIAL_ASSIGN_OR_RETURN(const StoredManifest stored, DecodeStoredManifest(*old));
    if (stored.signed_manifest.bytes != signed_manifest.bytes) {
      return Status(Code::kAlreadyExists,
                    "version " + manifest.version.ToString() + " was published with other content");
    }
    PERENNIAL_ASSIGN_OR_RETURN(const std::optional<std::string> old_state, store_.Get(tables_.meta, key));
    if (old_state) {
      PERENNIAL_ASSIGN_OR_RETURN(state, DecodeStoredState(*old_state));
    }
  }
  kv::WriteBatch batch;
  PERENNIAL_RETURN_IF_ERROR(AddMissingChunks(manifest, given, batch));
  if (old && state.content_available && batch.empty()) return Status::Ok();
  state.content_available = true;
  if (!old) batch.Put(tables_.manifests, key, EncodeStoredManifest(signed_manifest, report_json));
  batch.Put(tables_.meta, key, EncodeStoredState(state));
  PERENNIAL_RETURN_IF_ERROR(
      store_.Write(batch, kv::Durability::kSynced).WithContext("publish version " + manifest.version.ToString()));
  greatest_ = std::max(greatest_, manifest.version);
  return Status::Ok();
}

Result<VersionRecord> KvVersionStore::MakeRecord(std::string_view manifest_bytes, std::string_view state_bytes) const {
  PERENNIAL_ASSIGN_OR_RETURN(StoredManifest stored, DecodeStoredManifest(manifest_bytes));
  PERENNIAL_ASSIGN_OR_RETURN(StoredState state, DecodeStoredState(state_bytes));
  PERENNIAL_ASSIGN_OR_RETURN(format::Manifest manifest, format::Manifest::Decode(stored.signed_manifest.bytes));
  return VersionRecord{std::move(manifest),     std::move(stored.signed_manifest), state.fate,
                       std::move(state.reason), std::move(stored.report_json),     state.content_available};
}

Result<VersionRecord> KvVersionStore::Get(VersionId version) const {
  const std::string key = VersionKey(version);
  PERENNIAL_ASSIGN_OR_RETURN(const std::optional<std::string> manifest, store_.Get(tables_.manifests, key));
  PERENNIAL_ASSIGN_OR_RETURN(const std::optional<std::string> state, store_.Get(tables_.meta, key));
  if (!manifest || !state) {
    return NotFound("there is no version " + version.ToString(), "list the versions to see which there are");
  }
  return MakeRecord(*manifest, *state).WithContext("version " + version.ToString());
}

std::vector<VersionRecord> KvVersionStore::List() const {
  std::vector<VersionRecord> records;
  const std::unique_ptr<kv::Iterator> manifest = store_.NewIterator(tables_.manifests);
  for (manifest->SeekToFirst(); manifest->Valid(); manifest->Next()) {
    const Result<std::optional<std::string>> state = store_.Get(tables_.meta, manifest->key());
    if (!state.ok() || !*state) continue;
    Result<VersionRecord> record = MakeRecord(manifest->value(), **state);
    if (record.ok()) records.push_back(std::move(*record));
  }
  return records;
}

Status KvVersionStore::SetFate(VersionId version, VersionFate fate, std::string_view reason) {
  MutexLock lock(mutex_);
  PERENNIAL_ASSIGN_OR_RETURN(const VersionRecord record, Get(version));
  kv::WriteBatch batch;
  batch.Put(tables_.meta, VersionKey(version),
            EncodeStoredState({fate, std::string(reason), record.content_available}));
  return store_.Write(batch, kv::Durability::kSynced);
}

Status KvVersionStore::SetSlots(const std::vector<SlotChange>& changes) {
  MutexLock lock(mutex_);
  kv::WriteBatch batch;
  for (const auto& [name, value] : changes) {
    if (value) {
      batch.Put(tables_.slots, name, *value);
    } else {
      batch.Delete(tables_.slots, name);
    }
  }
  PERENNIAL_RETURN_IF_ERROR(store_.Write(batch, kv::Durability::kSynced).WithContext("set slots"));
  for (const auto& [name, value] : changes) {
    if (value) {
      slots_[name] = *value;
    } else {
      slots_.erase(name);
    }
  }
  return Status::Ok();
}

std::optional<std::string> KvVersionStore::Slot(std::string_view name) const {
  MutexLock lock(mutex_);
  const auto found = slots_.find(name);
  if (found == slots_.end()) return std::nullopt;
  return found->second;
}

Result<HashSet> KvVersionStore::ChunksOf(const std::vector<VersionId>& versions) const {
  HashSet chunks;
  for (const VersionId version : versions) {
    Result<VersionRecord> record = Get(version);
    // A name that means nothing protects nothing; an unreadable record might have, so that is an error.
    if (record.status().code() == Code::kNotFound) continue;
    if (!record.ok()) return record.status();
    AddChunks(record->manifest, chunks);
  }
  return chunks;
}

Result<uint64_t> KvVersionStore::CollectGarbage(const std::vector<VersionId>& keep) {
  MutexLock lock(mutex_);
  PERENNIAL_ASSIGN_OR_RETURN(const HashSet kept, ChunksOf(keep));
  kv::WriteBatch batch;
  PERENNIAL_ASSIGN_OR_RETURN(const uint64_t freed, chunks_.DropAllBut(kept, batch));
  if (batch.empty()) return uint64_t{0};
  for (const VersionRecord& record : List()) {
    HashSet named;
    AddChunks(record.manifest, named);
    const bool whole =
        std::all_of(named.begin(), named.end(), [&](const Hash256& hash) { return kept.contains(hash); });
    if (whole || !record.content_available) continue;
    batch.Put(tables_.meta, VersionKey(record.manifest.version),
              EncodeStoredState({record.fate, record.reason, false}));
  }
  PERENNIAL_RETURN_IF_ERROR(store_.Write(batch, kv::Durability::kSynced).WithContext("collect garbage"));
  return freed;
}

}  // namespace

std::vector<std::string> VersionStore::Families() { return {kManifests, kChunks, kSlots, kMeta}; }

Result<std::unique_ptr<VersionStore>> VersionStore::Open(kv::KvStore& store) {
  KvVersionStore::Tables tables;
  PERENNIAL_ASSIGN_OR_RETURN(tables.manifests, store.FindFamily(kManifests));
  PERENNIAL_ASSIGN_OR_RETURN(tables.chunks, store.FindFamily(kChunks));
  PERENNIAL_ASSIGN_OR_RETURN(tables.slots, store.FindFamily(kSlots));
  PERENNIAL_ASSIGN_OR_RETURN(tables.meta, store.FindFamily(kMeta));
  auto versions = std::make_unique<KvVersionStore>(store, tables);
  PERENNIAL_RETURN_IF_ERROR(versions->LoadSlotsAndCounter().WithContext("open version store"));
  return std::unique_ptr<VersionStore>(std::move(versions));
}

}  // namespace perennial::versions
