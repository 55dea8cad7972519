#include <map>

#include "storage/base/env.h"
#include "storage/base/mutex.h"
#include "storage/kv/batch_check.h"
#include "storage/kv/kv_store.h"

namespace perennial::kv {
namespace {

using Table = std::map<std::string, std::string, std::less<>>;

// Walks the table it was given: MemoryStore copies a table before it changes one that an iterator still holds.
class MemoryIterator final : public Iterator {
 public:
  MemoryIterator(std::shared_ptr<const Table> table, Mutex& mutex)
      : mutex_(mutex), table_(std::move(table)), at_(table_->end()) {}
  ~MemoryIterator() override {
    // Under the store's lock, so that the store sees whether its table is shared.
    MutexLock lock(mutex_);
    table_.reset();
  }
  void SeekToFirst() override { at_ = table_->begin(); }
  void SeekToLast() override { at_ = table_->empty() ? table_->end() : std::prev(table_->end()); }
  void Seek(std::string_view key) override { at_ = table_->lower_bound(key); }
  bool Valid() const override { return at_ != table_->end(); }
  void Next() override { ++at_; }
  void Prev() override { at_ = at_ == table_->begin() ? table_->end() : std::prev(at_); }
  std::string_view key() const override { return at_->first; }
  std::string_view value() const override { return at_->second; }
  Status status() const override { return Status::Ok(); }

 private:
  Mutex& mutex_;
  std::shared_ptr<const Table> table_;
  Table::const_iterator at_;
};

// The twin of RocksDB's store on ordered maps. Thread-safe by one lock.
class MemoryStore final : public KvStore {
 public:
  explicit MemoryStore(const std::vector<std::string>& families) : names_(families) {
    for (size_t i = 0; i < names_.size(); ++i) tables_.push_back(std::make_shared<Table>());
  }

  Result<Family> FindFamily(std::string_view name) const override {
    for (size_t i = 0; i < names_.size(); ++i) {
      if (names_[i] == name) return Family{static_cast<uint32_t>(i)};
    }
    return InvalidArgument("the store was opened without the column family '" + std::string(name) + "'");
  }

  Result<std::optional<std::string>> Get(Family family, std::string_view key) const override {
    if (family.index >= names_.size()) return InvalidArgument("no such column family");
    MutexLock lock(mutex_);
    return Find(family, key);
  }

  Result<std::vector<std::optional<std::string>>> MultiGet(Family family,
                                                           const std::vector<std::string>& keys) const override {
    if (family.index >= names_.size()) return InvalidArgument("no such column family");
    std::vector<std::optional<std::string>> values;
    values.reserve(keys.size());
    MutexLock lock(mutex_);
    for (const std::string& key : keys) values.push_back(Find(family, key));
    return values;
  }

  Status Write(const WriteBatch& batch, Durability durability) override {
    PERENNIAL_RETURN_IF_ERROR(CheckBatch(batch, names_.size()));
    if (durability == Durability::kSynced) DurableWritePoint();
    {
      MutexLock lock(mutex_);
      for (const WriteBatch::Operation& operation : batch.operations()) Apply(operation);
    }
    if (durability == Durability::kSynced) DurableWritePoint();
    return Status::Ok();
  }

  std::unique_ptr<Iterator> NewIterator(Family family) const override {
    MutexLock lock(mutex_);
    return std::make_unique<MemoryIterator>(tables_.at(family.index), mutex_);
  }

  uint64_t ApproximateBytes() const override {
    MutexLock lock(mutex_);
    return bytes_;
  }

 private:
  std::optional<std::string> Find(Family family, std::string_view key) const REQUIRES_LOCK(mutex_) {
    const Table& table = *tables_[family.index];
    const auto found = table.find(key);
    return found == table.end() ? std::nullopt : std::optional(found->second);
  }

  void Apply(const WriteBatch::Operation& operation) REQUIRES_LOCK(mutex_) {
    std::shared_ptr<Table>& table = tables_[operation.family.index];
    if (table.use_count() > 1) table = std::make_shared<Table>(*table);
    switch (operation.kind) {
      case WriteBatch::Operation::Kind::kPut: {
        const auto [place, is_new] = table->try_emplace(operation.key);
        bytes_ += is_new ? operation.key.size() : 0;
        bytes_ += operation.value.size();
        bytes_ -= place->second.size();
        place->second = operation.value;
        break;
      }
      case WriteBatch::Operation::Kind::kDelete:
        Erase(*table, table->find(operation.key));
        break;
      case WriteBatch::Operation::Kind::kDeleteRange:
        for (auto at = table->lower_bound(operation.key); at != table->end() && at->first < operation.value;) {
          at = Erase(*table, at);
        }
        break;
    }
  }

  Table::iterator Erase(Table& table, Table::iterator at) REQUIRES_LOCK(mutex_) {
    if (at == table.end()) return at;
    bytes_ -= at->first.size() + at->second.size();
    return table.erase(at);
  }

  const std::vector<std::string> names_;
  mutable Mutex mutex_;
  std::vector<std::shared_ptr<Table>> tables_ GUARDED_BY(mutex_);
  uint64_t bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace

std::unique_ptr<KvStore> OpenMemory(const std::vector<std::string>& families) {
  return std::make_unique<MemoryStore>(families);
}

}  // namespace perennial::kv
