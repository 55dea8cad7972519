#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "storage/base/status.h"
#include "storage/kv/kv_store.h"

namespace perennial::replay {

// The encoded examples by id. They lie in the KvStore; in memory are only those that the last confirmed checkpoint has
// not got. Owned by the buffer, which says what is held. Thread-compatible.
class RecordStore {
 public:
  // REQUIRES `store` outlives this.
  RecordStore(const kv::KvStore& store, kv::Family family, std::string_view prefix)
      : store_(store), family_(family), prefix_(prefix) {}

  void Add(uint64_t id, std::string record) { fresh_.emplace(id, std::move(record)); }
  void Remove(uint64_t id);
  // One per id, in order. kCorruption when one is missing.
  Result<std::vector<std::string>> Read(const std::vector<uint64_t>& ids) const;

  // Adds what changed since the last Confirm() to `batch`.
  void ContributeTo(kv::WriteBatch& batch);
  void Confirm();

 private:
  const std::string* FindInMemory(uint64_t id) const;

  const kv::KvStore& store_;
  const kv::Family family_;
  const std::string prefix_;
  std::unordered_map<uint64_t, std::string> fresh_;        // never contributed
  std::unordered_map<uint64_t, std::string> contributed_;  // may be stored or not
  std::unordered_set<uint64_t> removed_;                   // may be stored and must not be
  std::unordered_set<uint64_t> removal_contributed_;
};

}  // namespace perennial::replay
