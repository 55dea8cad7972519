#include "storage/kv/rocks_database.h"

#include <algorithm>
#include <filesystem>

#include "storage/base/log.h"
#include "storage/kv/rocks_options.h"
#include "storage/kv/rocks_status.h"

namespace perennial::kv {

Result<std::vector<std::string>> AllFamilies(const KvOptions& options) {
  std::vector<std::string> names = options.families;
  std::error_code ignored;
  if (std::filesystem::exists(options.path + "/CURRENT", ignored)) {
    std::vector<std::string> on_disk;
    const rocksdb::Status listed =
        rocksdb::DB::ListColumnFamilies(MakeDatabaseOptions(options), options.path, &on_disk);
    if (!listed.ok()) return FromRocks(listed, "open store " + options.path);
    for (std::string& name : on_disk) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
    }
  }
  std::erase(names, rocksdb::kDefaultColumnFamilyName);
  return names;
}

Result<std::unique_ptr<RocksDatabase>> RocksDatabase::Open(const KvOptions& options,
                                                           const std::vector<std::string>& names,
                                                           std::shared_ptr<ErrorWatch> watch) {
  auto database = std::make_unique<RocksDatabase>();
  rocksdb::DBOptions how = MakeDatabaseOptions(options);
  how.listeners.push_back(std::move(watch));
  if (options.quota != nullptr) {
    database->env = MakeQuotaEnv(options.quota);
    how.env = database->env.get();
  }
  const rocksdb::ColumnFamilyOptions family = MakeFamilyOptions(options);
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  descriptors.reserve(names.size() + 1);
  for (const std::string& name : names) descriptors.emplace_back(name, family);
  descriptors.emplace_back(rocksdb::kDefaultColumnFamilyName, family);
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(how, options.path, descriptors, &database->handles, &opened);
  if (!status.ok()) return FromRocks(status, "open store " + options.path);
  database->db.reset(opened);
  return database;
}

RocksDatabase::~RocksDatabase() {
  if (db == nullptr) return;
  for (rocksdb::ColumnFamilyHandle* handle : handles) (void)db->DestroyColumnFamilyHandle(handle);
  const rocksdb::Status closed = db->Close();
  if (!closed.ok()) log::Debug("kv_close", {{"path", db->GetName()}, {"status", closed.ToString()}});
}

bool RocksDatabase::HasUnflushed() const {
  for (rocksdb::ColumnFamilyHandle* handle : handles) {
    uint64_t entries = 0;
    uint64_t waiting = 0;
    (void)db->GetIntProperty(handle, rocksdb::DB::Properties::kNumEntriesActiveMemTable, &entries);
    (void)db->GetIntProperty(handle, rocksdb::DB::Properties::kNumImmutableMemTable, &waiting);
    if (entries + waiting != 0) return true;
  }
  return false;
}

Status RocksDatabase::FlushAfterFailure() {
  // After a failed log write this flushes; after a background job's failure it may only clear the error.
  rocksdb::Status status = db->Resume();
  if (status.ok() && HasUnflushed()) {
    rocksdb::FlushOptions how;
    how.allow_write_stall = true;
    status = db->Flush(how, handles);
  }
  if (!status.ok()) return FromRocks(status, "resume store");
  return HasUnflushed() ? Unavailable("resume store: its memory is not flushed yet", "try again") : Status::Ok();
}

Status RocksDatabase::CheckRoom() const {
  constexpr size_t kRoom = 1 << 20;
  const std::string probe = db->GetName() + "/room.tmp";
  const rocksdb::Status written =
      rocksdb::WriteStringToFile(db->GetEnv(), std::string(kRoom, '\0'), probe, /*should_sync=*/true);
  (void)db->GetEnv()->DeleteFile(probe);
  return FromRocks(written, "look for room on the disk");
}

Status RemoveLogs(const std::string& path) {
  std::error_code error;
  std::vector<std::filesystem::path> logs;
  for (auto at = std::filesystem::directory_iterator(path, error);
       !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
    if (at->path().extension() == ".log") logs.push_back(at->path());
  }
  for (const auto& file : logs) {
    if (!error) std::filesystem::remove(file, error);
  }
  return error ? IoError("remove write-ahead logs in " + path + ": " + error.message()) : Status::Ok();
}

}  // namespace perennial::kv
