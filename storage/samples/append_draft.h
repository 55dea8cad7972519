#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "storage/kv/kv_store.h"
#include "storage/samples/log_families.h"
#include "storage/samples/log_record.h"
#include "storage/samples/log_state.h"
#include "storage/samples/sample_checker.h"
#include "storage/samples/source_record.h"

namespace perennial::samples {

// One batch in the making: the changes and the state that holds once they are durable. Thrown away when the write
// fails, so nothing in memory has changed then. Thread-compatible; lives inside one call under the appender's lock.
class AppendDraft {
 public:
  AppendDraft(const LogFamilies& families, const SampleLogOptions& options, const LogState& state, int64_t now_us)
      : families_(families), options_(options), state_(state), now_us_(now_us) {}

  // Reads the records of these sources; call before anything that touches one.
  Status LoadSources(const kv::KvStore& store, const std::set<std::string>& sources);
  // REQUIRES it was loaded. What is changed is written with the draft.
  SourceRecord& Source(const std::string& source) { return sources_.at(source).record; }
  void TouchSource(const std::string& source) { sources_.at(source).touched = true; }

  // Appends, or finds it a duplicate of the log or of this draft, refuses it, or puts it into quarantine. REQUIRES its
  // source was loaded, if it may be appended.
  AppendOutcome Add(format::Sample sample, const CheckedSample& checked, std::string_view pointer);
  // The late label of a waiting sample whose record is `record`, stored at `offset`.
  Offset AddLateLabel(const LogRecord& record, Offset offset, std::string_view waiting_key, std::string_view label);
  Offset AddFlush();
  // Forgets what the loaded source has sent since the last time.
  Offset AddForget(const std::string& source, bool block);
  // Leaves nothing of an entry but its place.
  void EraseEntry(Offset offset, int64_t appended_us);
  void DropBlob(const Hash256& image);
  // Takes something out of an index, or ends an erasure.
  void Delete(kv::Family family, std::string key) { batch_.Delete(family, std::move(key)); }
  uint64_t AddQuarantine(const Status& error, std::string_view pointer, format::Sample sample);
  // `bytes` is the size of its record.
  void DropQuarantine(uint64_t id, uint64_t bytes);
  // Drops the oldest entry that this draft added; false when none is left.
  bool DropOldestAdded();
  // Adds the state; call last. True when the batch holds more than counters, so that it must be synced.
  bool Finish();

  const kv::WriteBatch& batch() const { return batch_; }
  LogState& state() { return state_; }

 private:
  Offset Log(const LogRecord& record);
  void List(const std::string& source, Offset offset, SourceUse use);
  uint32_t SliceNumber(const std::string& slice);
  bool HeldOut(const format::Sample& sample, const Hash256& image_hash) const;
  void Count(const format::Sample& sample, bool held_out, Offset offset);

  const LogFamilies& families_;
  const SampleLogOptions& options_;
  LogState state_;
  const int64_t now_us_;
  kv::WriteBatch batch_;
  struct Loaded {
    SourceRecord record;
    bool touched = false;
  };
  std::map<std::string, Loaded> sources_;
  std::unordered_map<std::string, Offset> offsets_;  // this draft's dedup keys
  std::unordered_map<Hash256, bool> blobs_;          // this draft's images
  struct Quarantined {
    uint64_t id;
    uint64_t bytes;
  };
  std::deque<Quarantined> quarantined_;  // this draft's entries, oldest first
};

}  // namespace perennial::samples
