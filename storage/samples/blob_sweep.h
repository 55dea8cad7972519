#pragma once

#include <unordered_set>

#include "storage/base/hash.h"
#include "storage/samples/log_families.h"
#include "storage/samples/log_record.h"

namespace perennial::samples {

// Which pictures can go when the entries of a source go: those that no entry names which stays. Pictures are stored
// once per content and nobody counts who names them, so the whole log is looked through once, record by record; what is
// appended meanwhile is looked through by another Scan. Owned by one erasure. Thread-compatible.
class BlobSweep {
 public:
  // The entries of `source` before `until` go. REQUIRES `store` outlives the sweep.
  BlobSweep(const kv::KvStore& store, const LogFamilies& families, std::string_view source, Offset until)
      : store_(store), families_(families), source_(source), until_(until) {}

  // Takes up the pictures that go, as far as only these entries are asked.
  Status Collect();
  // Strikes out those that entries from where the last Scan ended up to `end` name and keep.
  Status Scan(Offset end);
  // True once for each picture that goes: whoever asks deletes it.
  bool Take(const Hash256& image) { return going_.erase(image) > 0; }

 private:
  const kv::KvStore& store_;
  const LogFamilies& families_;
  const std::string source_;
  const Offset until_;
  std::unordered_set<Hash256> going_;
  Offset scanned_;
};

}  // namespace perennial::samples
