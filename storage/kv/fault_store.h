#pragma once

#include <cstdint>

#include "storage/base/mutex.h"
#include "storage/kv/kv_store.h"

namespace perennial::kv {

// Hands everything to another store, and fails the writes and reads it is told to fail, before they reach it. For
// tests. REQUIRES: the inner store outlives it. Thread-safe.
class FaultStore final : public KvStore {
 public:
  explicit FaultStore(KvStore& inner) : inner_(inner) {}

  // The `nth` write from now (1 is the next) and the `count - 1` after it fail with `status`.
  void FailWrites(uint64_t nth, Status status, uint64_t count = 1);
  // All reads fail with `status` until told Ok.
  void FailReads(Status status);
  uint64_t writes() const;

  Result<Family> FindFamily(std::string_view name) const override { return inner_.FindFamily(name); }
  Result<std::optional<std::string>> Get(Family family, std::string_view key) const override;
  Result<std::vector<std::optional<std::string>>> MultiGet(Family family,
                                                           const std::vector<std::string>& keys) const override;
  Status Write(const WriteBatch& batch, Durability durability) override;
  std::unique_ptr<Iterator> NewIterator(Family family) const override { return inner_.NewIterator(family); }
  Status Purge(const std::vector<Family>& families) override { return inner_.Purge(families); }
  uint64_t ApproximateBytes() const override { return inner_.ApproximateBytes(); }

 private:
  Status ReadFault() const;

  KvStore& inner_;
  mutable Mutex mutex_;
  uint64_t writes_ GUARDED_BY(mutex_) = 0;
  uint64_t fail_from_ GUARDED_BY(mutex_) = 0;
  uint64_t fail_until_ GUARDED_BY(mutex_) = 0;
  Status write_fault_ GUARDED_BY(mutex_);
  Status read_fault_ GUARDED_BY(mutex_);
};

}  // namespace perennial::kv
