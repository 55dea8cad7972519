#pragma once

#include <string>
#include <string_view>
#include <unordered_set>

#include "storage/base/hash.h"
#include "storage/base/status.h"
#include "storage/format/manifest.h"
#include "storage/kv/kv_store.h"

namespace perennial::versions {

using HashSet = std::unordered_set<Hash256>;

// The chunks of a store: bytes under their SHA-256, checked whenever they are read. Owned by the version store;
// thread-safe as the KvStore is.
class ChunkTable {
 public:
  ChunkTable(kv::KvStore& store, kv::Family family) : store_(store), family_(family) {}

  bool Has(const Hash256& hash) const { return Read(hash).ok(); }
  Result<std::string> Read(const Hash256& hash) const;
  // Buffered: a lost chunk is only fetched again, and the publish that refers to it is synced after it.
  Status Put(const Hash256& hash, std::string_view bytes);
  void Put(const Hash256& hash, std::string_view bytes, kv::WriteBatch& batch) const;
  Result<std::string> ReadObject(const format::ObjectRef& object) const;
  // Adds the deletion of every chunk outside `keep` to the batch; returns the bytes that frees.
  Result<uint64_t> DropAllBut(const HashSet& keep, kv::WriteBatch& batch) const;

 private:
  kv::KvStore& store_;
  const kv::Family family_;
};

// All chunks that a manifest names.
void AddChunks(const format::Manifest& manifest, HashSet& chunks);

}  // namespace perennial::versions
