#pragma once

#include <rocksdb/db.h>

#include <memory>
#include <string>
#include <vector>

#include "storage/base/status.h"
#include "storage/kv/kv_store.h"
#include "storage/kv/rocks_environment.h"

namespace perennial::kv {

// One opening of a RocksDB folder: the database and its column families in the order of `names`. Closes in the
// destructor. Thread-safe as RocksDB is.
struct RocksDatabase {
  std::unique_ptr<rocksdb::Env> env;  // null: RocksDB's own
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;

  // `names` holds every family on disk but RocksDB's "default", which nobody uses.
  static Result<std::unique_ptr<RocksDatabase>> Open(const KvOptions& options, const std::vector<std::string>& names,
                                                     std::shared_ptr<ErrorWatch> watch);
  RocksDatabase() = default;
  ~RocksDatabase();
  RocksDatabase(const RocksDatabase&) = delete;
  RocksDatabase& operator=(const RocksDatabase&) = delete;

  // Brings a database whose write failed to a state where every acknowledged change is in table files and the
  // write-ahead log holds nothing that counts.
  Status FlushAfterFailure();
  bool HasUnflushed() const;
  // kResourceExhausted unless the disk has room for opening the database again (a manifest, a log).
  Status CheckRoom() const;
};

// The caller's families, then those on disk that it did not name.
Result<std::vector<std::string>> AllFamilies(const KvOptions& options);
// Deletes the write-ahead logs of a closed database. REQUIRES: FlushAfterFailure() was the last thing done to it.
Status RemoveLogs(const std::string& path);

}  // namespace perennial::kv
