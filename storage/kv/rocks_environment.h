#pragma once

#include <rocksdb/env.h>
#include <rocksdb/listener.h>

#include <atomic>
#include <memory>

#include "storage/kv/disk_quota.h"

namespace perennial::kv {

// RocksDB's warnings and errors in our log; its files named LOG are never made.
std::shared_ptr<rocksdb::Logger> MakeRocksLogger();

// The POSIX environment with a cap on written bytes. REQUIRES: it outlives the database.
std::unique_ptr<rocksdb::Env> MakeQuotaEnv(std::shared_ptr<DiskQuota> quota);

// Notes that RocksDB met an error (a full disk, mostly) and keeps it from resuming by itself: RocksStore must do that,
// in its own order. Thread-safe.
class ErrorWatch final : public rocksdb::EventListener {
 public:
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override;
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* auto_recovery) override {
    *auto_recovery = false;
  }
  void Note() { ++noted_; }
  // Errors noted so far; Settle(seen) says that those were dealt with. One that came in between stays open.
  uint64_t noted() const { return noted_; }
  void Settle(uint64_t seen) { settled_ = seen; }
  bool failed() const { return noted_ != settled_; }

 private:
  std::atomic<uint64_t> noted_{0};
  std::atomic<uint64_t> settled_{0};
};

}  // namespace perennial::kv
