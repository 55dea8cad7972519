#include "storage/kv/rocks_status.h"

namespace perennial::kv {
namespace {

bool IsFull(const rocksdb::Status& status, const std::string& text) {
  // RocksDB knows ENOSPC; a user's quota (EDQUOT) reaches us as plain text.
  return status.IsNoSpace() || status.subcode() == rocksdb::Status::kSpaceLimit ||
         text.find("Disk quota exceeded") != std::string::npos;
}

// Only opening takes the lock file, so its name in an I/O error means somebody else has it.
bool IsLocked(const rocksdb::Status& status, const std::string& text) {
  return status.IsIOError() && text.find("/LOCK") != std::string::npos &&
         (text.find("lock hold by") != std::string::npos || text.find("lock file") != std::string::npos);
}

}  // namespace

Status FromRocks(const rocksdb::Status& status, std::string_view what) {
  if (status.ok()) return Status::Ok();
  const std::string text = status.ToString();
  const std::string message = std::string(what) + ": " + text;
  if (IsFull(status, text)) {
    return ResourceExhausted(message, "free disk space; the store goes on with the next write");
  }
  if (IsLocked(status, text)) {
    return Unavailable(message, "stop the other hub or use another --data folder");
  }
  if (status.IsNotFound()) return NotFound(message);
  if (status.IsCorruption()) {
    return Corruption(message, "the disk or a copy damaged the files: restore the folder from a snapshot");
  }
  if (status.IsInvalidArgument() || status.IsNotSupported()) return InvalidArgument(message);
  if (status.IsBusy() || status.IsTryAgain() || status.IsShutdownInProgress()) return Unavailable(message);
  if (status.IsMemoryLimit()) return ResourceExhausted(message);
  if (status.IsIOError()) return IoError(message, "check the disk and its permissions, then start again");
  return Internal(message);
}

}  // namespace perennial::kv
