#include <rocksdb/write_batch.h>

#include <algorithm>
#include <filesystem>
#include <shared_mutex>

#include "storage/base/env.h"
#include "storage/base/log.h"
#include "storage/kv/batch_check.h"
#include "storage/kv/kv_store.h"
#include "storage/kv/rocks_database.h"
#include "storage/kv/rocks_status.h"

namespace perennial::kv {
namespace {

using SharedLock = std::shared_lock<std::shared_mutex>;
using LoneLock = std::unique_lock<std::shared_mutex>;

rocksdb::Slice ToSlice(std::string_view text) { return {text.data(), text.size()}; }

// Counts itself while it lives, because its database cannot be closed before it is gone.
class RocksIterator final : public Iterator {
 public:
  RocksIterator(std::unique_ptr<rocksdb::Iterator> inner, std::atomic<size_t>& count)
      : count_(count), inner_(std::move(inner)) {
    ++count_;
  }
  ~RocksIterator() override {
    inner_.reset();
    --count_;
  }
  void SeekToFirst() override { inner_->SeekToFirst(); }
  void SeekToLast() override { inner_->SeekToLast(); }
  void Seek(std::string_view key) override { inner_->Seek(ToSlice(key)); }
  bool Valid() const override { return inner_->Valid(); }
  void Next() override { inner_->Next(); }
  void Prev() override { inner_->Prev(); }
  std::string_view key() const override { return inner_->key().ToStringView(); }
  std::string_view value() const override { return inner_->value().ToStringView(); }
  Status status() const override { return FromRocks(inner_->status(), "read store"); }

 private:
  std::atomic<size_t>& count_;
  std::unique_ptr<rocksdb::Iterator> inner_;
};

// RocksDB behind KvStore. Thread-safe.
class RocksStore final : public KvStore {
 public:
  static Result<std::unique_ptr<KvStore>> Open(const KvOptions& options);

  Result<Family> FindFamily(std::string_view name) const override;
  Result<std::optional<std::string>> Get(Family family, std::string_view key) const override;
  Result<std::vector<std::optional<std::string>>> MultiGet(Family family,
                                                           const std::vector<std::string>& keys) const override;
  Status Write(const WriteBatch& batch, Durability durability) override;
  std::unique_ptr<Iterator> NewIterator(Family family) const override;
  Status Purge(const std::vector<Family>& families) override;
  uint64_t ApproximateBytes() const override;

 private:
  explicit RocksStore(const KvOptions& options) : options_(options) {}
  Status TryWrite(const WriteBatch& batch, Durability durability);
  Status RecoverIfFailed();
  // REQUIRES: gate_ held alone.
  Status Recover();
  // REQUIRES: gate_ held. Ok when the database is open.
  Status CheckOpen() const;

  // Constant after Open.
  const KvOptions options_;
  std::vector<std::string> names_;
  const std::shared_ptr<ErrorWatch> watch_ = std::make_shared<ErrorWatch>();

  // Held shared by reads and writes, and alone by Recover(), which replaces the database.
  mutable std::shared_mutex gate_;
  std::unique_ptr<RocksDatabase> database_;  // guarded by gate_; null only when it could not be opened again
  mutable std::atomic<size_t> iterators_{0};
};

Result<std::unique_ptr<KvStore>> RocksStore::Open(const KvOptions& options) {
  PERENNIAL_RETURN_IF_ERROR(Env::Posix().CreateDirectories(options.path));
  std::unique_ptr<RocksStore> store(new RocksStore(options));
  PERENNIAL_ASSIGN_OR_RETURN(store->names_, AllFamilies(options));
  PERENNIAL_ASSIGN_OR_RETURN(store->database_, RocksDatabase::Open(options, store->names_, store->watch_));
  return std::unique_ptr<KvStore>(std::move(store));
}

Result<Family> RocksStore::FindFamily(std::string_view name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) {
    return InvalidArgument("the store was opened without the column family '" + std::string(name) + "'");
  }
  return Family{static_cast<uint32_t>(found - names_.begin())};
}

Status RocksStore::CheckOpen() const {
  if (database_ != nullptr) return Status::Ok();
  return Unavailable("store " + options_.path + " is closed after a failed write", "see the log; start again");
}

Result<std::optional<std::string>> RocksStore::Get(Family family, std::string_view key) const {
  if (family.index >= names_.size()) return InvalidArgument("no such column family");
  const SharedLock shared(gate_);
  PERENNIAL_RETURN_IF_ERROR(CheckOpen());
  std::string value;
  const rocksdb::Status status =
      database_->db->Get(rocksdb::ReadOptions(), database_->handles[family.index], ToSlice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return FromRocks(status, "read store");
  return std::optional(std::move(value));
}

Result<std::vector<std::optional<std::string>>> RocksStore::MultiGet(Family family,
                                                                     const std::vector<std::string>& keys) const {
  if (family.index >= names_.size()) return InvalidArgument("no such column family");
  const SharedLock shared(gate_);
  PERENNIAL_RETURN_IF_ERROR(CheckOpen());
  const size_t n = keys.size();
  const std::vector<rocksdb::Slice> slices(keys.begin(), keys.end());
  std::vector<rocksdb::PinnableSlice> found(n);
  std::vector<rocksdb::Status> statuses(n);
  database_->db->MultiGet(rocksdb::ReadOptions(), database_->handles[family.index], n, slices.data(), found.data(),
                          statuses.data());
  std::vector<std::optional<std::string>> values(n);
  for (size_t i = 0; i < n; ++i) {
    if (statuses[i].IsNotFound()) continue;
    if (!statuses[i].ok()) return FromRocks(statuses[i], "read store");
    values[i] = found[i].ToString();
  }
  return values;
}

rocksdb::Status AddTo(rocksdb::WriteBatch& native, rocksdb::ColumnFamilyHandle* family,
                      const WriteBatch::Operation& operation) {
  switch (operation.kind) {
    case WriteBatch::Operation::Kind::kPut:
      return native.Put(family, operation.key, operation.value);
    case WriteBatch::Operation::Kind::kDelete:
      return native.Delete(family, operation.key);
    case WriteBatch::Operation::Kind::kDeleteRange:
      if (operation.key == operation.value) return rocksdb::Status::OK();
      return native.DeleteRange(family, operation.key, operation.value);
  }
  return rocksdb::Status::InvalidArgument("unknown operation");
}

Status RocksStore::Write(const WriteBatch& batch, Durability durability) {
  PERENNIAL_RETURN_IF_ERROR(CheckBatch(batch, names_.size()));
  PERENNIAL_RETURN_IF_ERROR(RecoverIfFailed());
  Status first = TryWrite(batch, durability);
  if (first.ok() || !RecoverIfFailed().ok()) return first;
  // There is room again, or it was another thread's write that failed and took this one with it.
  return TryWrite(batch, durability);
}

Status RocksStore::RecoverIfFailed() {
  if (!watch_->failed()) return Status::Ok();
  const LoneLock alone(gate_);
  return watch_->failed() ? Recover().WithContext("store had a failed write") : Status::Ok();
}

Status RocksStore::TryWrite(const WriteBatch& batch, Durability durability) {
  const SharedLock shared(gate_);
  PERENNIAL_RETURN_IF_ERROR(CheckOpen());
  size_t bytes = 16;
  for (const auto& operation : batch.operations()) bytes += operation.key.size() + operation.value.size() + 16;
  rocksdb::WriteBatch native(bytes);
  for (const WriteBatch::Operation& operation : batch.operations()) {
    const rocksdb::Status added = AddTo(native, database_->handles[operation.family.index], operation);
    if (!added.ok()) return FromRocks(added, "make batch");
  }
  rocksdb::WriteOptions how;
  how.sync = durability == Durability::kSynced;
  if (how.sync) DurableWritePoint();
  const rocksdb::Status written = database_->db->Write(how, &native);
  if (!written.ok()) {
    watch_->Note();
    return FromRocks(written, "write to store");
  }
  if (how.sync) DurableWritePoint();
  return Status::Ok();
}

// After a failed write the write-ahead log ends in the failed batch, torn or even whole, and RocksDB 7.8 cannot leave
// that log while its memory is empty. So: everything acknowledged goes to table files, the logs go, the database opens
// again. A failed batch therefore never comes back after a crash, where it would overwrite what was acknowledged since.
Status RocksStore::Recover() {
  const uint64_t seen = watch_->noted();
  if (database_ != nullptr) {
    if (iterators_ != 0) return Unavailable("an iterator is still open", "try again when readers are done");
    PERENNIAL_RETURN_IF_ERROR(database_->FlushAfterFailure());
    PERENNIAL_RETURN_IF_ERROR(database_->CheckRoom());
    database_.reset();
    PERENNIAL_RETURN_IF_ERROR(RemoveLogs(options_.path));
  }
  PERENNIAL_ASSIGN_OR_RETURN(database_, RocksDatabase::Open(options_, names_, watch_));
  watch_->Settle(seen);
  log::Info("kv_store_resumed", {{"path", options_.path}});
  return Status::Ok();
}

// An iterator that failed from the start.
class BrokenIterator final : public Iterator {
 public:
  explicit BrokenIterator(Status status) : status_(std::move(status)) {}
  void SeekToFirst() override {}
  void SeekToLast() override {}
  void Seek(std::string_view) override {}
  bool Valid() const override { return false; }
  void Next() override {}
  void Prev() override {}
  std::string_view key() const override { return {}; }
  std::string_view value() const override { return {}; }
  Status status() const override { return status_; }

 private:
  const Status status_;
};

std::unique_ptr<Iterator> RocksStore::NewIterator(Family family) const {
  if (family.index >= names_.size()) return std::make_unique<BrokenIterator>(InvalidArgument("no such column family"));
  const SharedLock shared(gate_);
  if (Status open = CheckOpen(); !open.ok()) return std::make_unique<BrokenIterator>(std::move(open));
  std::unique_ptr<rocksdb::Iterator> inner(
      database_->db->NewIterator(rocksdb::ReadOptions(), database_->handles[family.index]));
  return std::make_unique<RocksIterator>(std::move(inner), iterators_);
}

// Flushing all families lets the write-ahead logs go; rewriting every level and every blob file drops what is dead.
Status RocksStore::Purge(const std::vector<Family>& families) {
  for (const Family family : families) {
    if (family.index >= names_.size()) return InvalidArgument("no such column family");
  }
  PERENNIAL_RETURN_IF_ERROR(RecoverIfFailed());
  const SharedLock shared(gate_);
  PERENNIAL_RETURN_IF_ERROR(CheckOpen());
  const rocksdb::Status flushed = database_->db->Flush(rocksdb::FlushOptions(), database_->handles);
  if (!flushed.ok()) return FromRocks(flushed, "flush store");
  rocksdb::CompactRangeOptions how;
  how.exclusive_manual_compaction = false;
  how.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  how.blob_garbage_collection_policy = rocksdb::BlobGarbageCollectionPolicy::kForce;
  how.blob_garbage_collection_age_cutoff = 1.0;
  for (const Family family : families) {
    const rocksdb::Status done = database_->db->CompactRange(how, database_->handles[family.index], nullptr, nullptr);
    if (!done.ok()) return FromRocks(done, "rewrite store");
  }
  return Status::Ok();
}

uint64_t RocksStore::ApproximateBytes() const {
  uint64_t bytes = 0;
  std::error_code error;
  for (auto at = std::filesystem::directory_iterator(options_.path, error);
       !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
    // A file may go while we look; it then counts nothing.
    std::error_code gone;
    const uint64_t size = at->file_size(gone);
    if (!gone) bytes += size;
  }
  return bytes;
}

}  // namespace

Result<std::unique_ptr<KvStore>> OpenRocks(const KvOptions& options) { return RocksStore::Open(options); }

}  // namespace perennial::kv
