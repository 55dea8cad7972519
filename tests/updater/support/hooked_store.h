#pragma once

#include <functional>

#include "storage/base/mutex.h"
#include "storage/versions/version_store.h"

namespace perennial::updater {

// A version store that asks first: a hook may refuse to read a chunk (a hub's bad disk) or to put one (a node's full
// disk), and may swap the manifest it hands out. Thread-safe.
class HookedStore final : public versions::VersionStore {
 public:
  using ChunkHook = std::function<Status(const Hash256&)>;
  using RecordHook = std::function<void(versions::VersionRecord&)>;
  explicit HookedStore(versions::VersionStore& inner) : inner_(inner) {}

  void OnRead(ChunkHook hook) {
    MutexLock lock(mutex_);
    on_read_ = std::move(hook);
  }
  void OnPut(ChunkHook hook) {
    MutexLock lock(mutex_);
    on_put_ = std::move(hook);
  }
  void OnGet(RecordHook hook) {
    MutexLock lock(mutex_);
    on_get_ = std::move(hook);
  }
  // Every SetSlots fails with this; ok: none does.
  void FailSlots(Status error) {
    MutexLock lock(mutex_);
    slots_error_ = std::move(error);
  }
  // Chunks read (and so sent, on a hub).
  uint64_t reads() const {
    MutexLock lock(mutex_);
    return reads_;
  }

  VersionId NextVersion() const override { return inner_.NextVersion(); }
  Status Publish(const format::SignedManifest& manifest, std::string_view report_json,
                 const std::vector<std::string>& chunks) override {
    return inner_.Publish(manifest, report_json, chunks);
  }
  Result<versions::VersionRecord> Get(VersionId version) const override {
    Result<versions::VersionRecord> record = inner_.Get(version);
    MutexLock lock(mutex_);
    if (record.ok() && on_get_) on_get_(*record);
    return record;
  }
  std::vector<versions::VersionRecord> List() const override { return inner_.List(); }
  Status SetFate(VersionId version, versions::VersionFate fate, std::string_view reason) override {
    return inner_.SetFate(version, fate, reason);
  }
  bool HasChunk(const Hash256& hash) const override { return inner_.HasChunk(hash); }
  Result<std::string> ReadChunk(const Hash256& hash) const override {
    MutexLock lock(mutex_);
    if (on_read_) PERENNIAL_RETURN_IF_ERROR(on_read_(hash));
    ++reads_;
    return inner_.ReadChunk(hash);
  }
  Status PutChunk(const Hash256& hash, std::string_view bytes) override {
    MutexLock lock(mutex_);
    if (on_put_) PERENNIAL_RETURN_IF_ERROR(on_put_(hash));
    return inner_.PutChunk(hash, bytes);
  }
  Result<std::string> ReadObject(const format::ObjectRef& object) const override { return inner_.ReadObject(object); }
  Status SetSlots(const std::vector<SlotChange>& changes) override {
    MutexLock lock(mutex_);
    PERENNIAL_RETURN_IF_ERROR(slots_error_);
    return inner_.SetSlots(changes);
  }
  std::optional<std::string> Slot(std::string_view name) const override { return inner_.Slot(name); }
  Result<uint64_t> CollectGarbage(const std::vector<VersionId>& keep) override { return inner_.CollectGarbage(keep); }

 private:
  versions::VersionStore& inner_;
  mutable Mutex mutex_;
  ChunkHook on_read_ GUARDED_BY(mutex_);
  ChunkHook on_put_ GUARDED_BY(mutex_);
  RecordHook on_get_ GUARDED_BY(mutex_);
  Status slots_error_ GUARDED_BY(mutex_);
  mutable uint64_t reads_ GUARDED_BY(mutex_) = 0;
};

}  // namespace perennial::updater
