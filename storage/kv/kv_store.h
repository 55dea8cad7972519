#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/status.h"

namespace perennial::kv {

// A column family of an open store. Cheap to copy; valid as long as the store.
struct Family {
  uint32_t index = 0;
};

// Changes that are applied together or not at all. Order within the batch is kept. Thread-compatible.
class WriteBatch {
 public:
  struct Operation {
    enum class Kind : uint8_t { kPut, kDelete, kDeleteRange } kind;
    Family family;
    std::string key;
    std::string value;  // kDeleteRange: the end key, exclusive
  };
  void Put(Family family, std::string key, std::string value) {
    operations_.push_back({Operation::Kind::kPut, family, std::move(key), std::move(value)});
  }
  void Delete(Family family, std::string key) {
    operations_.push_back({Operation::Kind::kDelete, family, std::move(key), {}});
  }
  void DeleteRange(Family family, std::string begin, std::string end) {
    operations_.push_back({Operation::Kind::kDeleteRange, family, std::move(begin), std::move(end)});
  }
  const std::vector<Operation>& operations() const { return operations_; }
  bool empty() const { return operations_.empty(); }
  void Clear() { operations_.clear(); }

 private:
  std::vector<Operation> operations_;
};

enum class Durability {
  kSynced,   // on disk when Write returns
  kBuffered  // survives a process crash, not a power cut
};

// Ordered iteration over one family as it was when the iterator was made. Thread-compatible.
class Iterator {
 public:
  virtual ~Iterator() = default;
  virtual void SeekToFirst() = 0;
  virtual void SeekToLast() = 0;
  virtual void Seek(std::string_view key) = 0;  // first key >= `key`
  virtual bool Valid() const = 0;
  virtual void Next() = 0;
  virtual void Prev() = 0;
  virtual std::string_view key() const = 0;    // borrowed until the iterator moves
  virtual std::string_view value() const = 0;  // borrowed until the iterator moves
  virtual Status status() const = 0;           // check after the loop
};

// An ordered key-value store with column families and atomic batches: RocksDB, or its in-memory twin. Thread-safe.
// One store serves a whole hub (log, replay, checkpoints, versions), so that a checkpoint can be one atomic batch.
class KvStore {
 public:
  virtual ~KvStore() = default;
  // kInvalidArgument when the store was not opened with this family.
  virtual Result<Family> FindFamily(std::string_view name) const = 0;
  // nullopt when absent.
  virtual Result<std::optional<std::string>> Get(Family family, std::string_view key) const = 0;
  // One entry per key, in order.
  virtual Result<std::vector<std::optional<std::string>>> MultiGet(Family family,
                                                                   const std::vector<std::string>& keys) const = 0;
  // All or nothing. Calls DurableWritePoint() before and after when synced. A full disk gives kResourceExhausted and
  // leaves the store as it was; later writes may succeed once there is room.
  virtual Status Write(const WriteBatch& batch, Durability durability) = 0;
  virtual std::unique_ptr<Iterator> NewIterator(Family family) const = 0;
  // Brings it about that what was deleted or overwritten in `families` before the call is in no file any more, but for
  // those that iterators of that time still hold. Rewrites all that the families hold, so it is for rare occasions;
  // reads and writes go on meanwhile. What fails can be repeated. Nothing to do where there are no files.
  virtual Status Purge(const std::vector<Family>& /*families*/) { return Status::Ok(); }
  // Bytes on disk (or in memory), approximately.
  virtual uint64_t ApproximateBytes() const = 0;
};

class DiskQuota;

struct KvOptions {
  std::string path;  // folder; made when absent
  std::vector<std::string>
      families;  // every family the program uses; those on disk that are missing here are opened too
  uint64_t block_cache_bytes = 64u << 20;
  uint64_t write_buffer_bytes = 32u << 20;
  std::shared_ptr<DiskQuota> quota;  // null: none. For tests: acts out a full disk (storage/kv/disk_quota.h)
};

// Opens or creates. kUnavailable when another process holds it ("stop the other hub or use another --data folder").
Result<std::unique_ptr<KvStore>> OpenRocks(const KvOptions& options);
// The twin: same semantics, no disk. For tests and for benchmarks' baselines.
std::unique_ptr<KvStore> OpenMemory(const std::vector<std::string>& families);

}  // namespace perennial::kv
