#include "storage/kv/fault_store.h"

namespace perennial::kv {

void FaultStore::FailWrites(uint64_t nth, Status status, uint64_t count) {
  MutexLock lock(mutex_);
  fail_from_ = writes_ + nth;
  fail_until_ = fail_from_ + count;
  write_fault_ = std::move(status);
}

void FaultStore::FailReads(Status status) {
  MutexLock lock(mutex_);
  read_fault_ = std::move(status);
}

uint64_t FaultStore::writes() const {
  MutexLock lock(mutex_);
  return writes_;
}

Status FaultStore::ReadFault() const {
  MutexLock lock(mutex_);
  return read_fault_;
}

Result<std::optional<std::string>> FaultStore::Get(Family family, std::string_view key) const {
  PERENNIAL_RETURN_IF_ERROR(ReadFault());
  return inner_.Get(family, key);
}

Result<std::vector<std::optional<std::string>>> FaultStore::MultiGet(Family family,
                                                                     const std::vector<std::string>& keys) const {
  PERENNIAL_RETURN_IF_ERROR(ReadFault());
  return inner_.MultiGet(family, keys);
}

Status FaultStore::Write(const WriteBatch& batch, Durability durability) {
  {
    MutexLock lock(mutex_);
    ++writes_;
    if (writes_ >= fail_from_ && writes_ < fail_until_) return write_fault_;
  }
  return inner_.Write(batch, durability);
}

}  // namespace perennial::kv
