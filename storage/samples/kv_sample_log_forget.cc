// Forgetting a source. In three steps, each of which a kill may end at any point:
//   1. one synced batch appends the entry and counts the samples as forgotten;
//   2. the indices let go of them, before anything else is appended (the record is `listed` until then);
//   3. once every reader has let go too, entries and pictures are erased and the files rewritten (`pending` until
//   then).
// What a step had done before a kill is found done when it is begun again.
#include <algorithm>

#include "storage/base/bytes.h"
#include "storage/base/log.h"
#include "storage/samples/blob_sweep.h"
#include "storage/samples/kv_sample_log.h"
#include "storage/samples/quarantine_record.h"

namespace perennial::samples {
namespace {

constexpr size_t kChunk = 512;  // entries at once

// Counts at its end, when all was written or failed.
class TakesBack {
 public:
  explicit TakesBack(std::atomic<uint64_t>& count) : count_(count) {}
  ~TakesBack() { ++count_; }
  TakesBack(const TakesBack&) = delete;
  TakesBack& operator=(const TakesBack&) = delete;

 private:
  std::atomic<uint64_t>& count_;
};

std::string Named(std::string_view source) { return "source '" + std::string(source) + "'"; }

// At most kChunk offsets of the source in [begin, end), ascending.
Result<std::vector<Offset>> ListChunk(const kv::KvStore& store, kv::Family family, std::string_view source,
                                      Offset begin, Offset end) {
  std::vector<Offset> offsets;
  const auto at = store.NewIterator(family);
  const std::string last = SourceEntryKey(source, end);
  for (at->Seek(SourceEntryKey(source, begin)); at->Valid() && at->key() < last && offsets.size() < kChunk;
       at->Next()) {
    offsets.push_back(Offset{ReadBigEndian64(at->key().substr(at->key().size() - sizeof(uint64_t)))});
  }
  PERENNIAL_RETURN_IF_ERROR(at->status());
  return offsets;
}

}  // namespace

Result<SourceRecord> KvSampleLog::RecordOf(std::string_view source) const {
  PERENNIAL_ASSIGN_OR_RETURN(const auto stored, store_.Get(families_.sources, SourceKey(source)));
  if (stored) return SourceRecord::Decode(*stored);
  return NotFound("no sample of " + Named(source) + " was ever accepted", "perennial source list shows the names");
}

Result<Offset> KvSampleLog::Forget(std::string_view source, bool block) {
  if (source.empty()) return InvalidArgument("source: empty", "samples without a source cannot be told apart");
  Offset at;
  {
    MutexLock lock(append_mutex_);
    PERENNIAL_ASSIGN_OR_RETURN(at, AppendForget(std::string(source), block));
  }
  EraseForgotten();
  return at;
}

Result<Offset> KvSampleLog::AppendForget(const std::string& source, bool block) {
  PERENNIAL_RETURN_IF_ERROR(UnlistAll());
  const Result<SourceRecord> known = RecordOf(source);
  if (!known.ok() && known.status().code() != Code::kNotFound) return known.status();
  if (!known.ok() || (known->Live() == 0 && known->forgotten_at)) {
    // There is nothing but what lies in quarantine. Of a source that is new the entry below blocks it, where asked for.
    PERENNIAL_ASSIGN_OR_RETURN(const size_t quarantined, SweepQuarantine(source));
    if (!known.ok() && quarantined == 0) return known.status();
  }
  AppendDraft draft = NewDraft();
  PERENNIAL_RETURN_IF_ERROR(draft.LoadSources(store_, {source}));
  SourceRecord& record = draft.Source(source);
  if (record.Live() == 0 && record.forgotten_at) {
    const Offset at = *record.forgotten_at;
    if (!block || record.blocked) return at;
    record.blocked = true;
    draft.TouchSource(source);
    PERENNIAL_RETURN_IF_ERROR(Commit(draft).WithContext("block a source"));
    return at;
  }
  const Offset at = draft.AddForget(source, block);
  listed_.insert(source);  // also where the write fails: it may have been done
  PERENNIAL_RETURN_IF_ERROR(Commit(draft).WithContext("append a forget entry"));
  PERENNIAL_RETURN_IF_ERROR(UnlistAll());
  return at;
}

Status KvSampleLog::Unblock(std::string_view source) {
  MutexLock lock(append_mutex_);
  PERENNIAL_ASSIGN_OR_RETURN(const SourceRecord known, RecordOf(source));
  if (!known.blocked) return Status::Ok();
  AppendDraft draft = NewDraft();
  PERENNIAL_RETURN_IF_ERROR(draft.LoadSources(store_, {std::string(source)}));
  draft.Source(std::string(source)).blocked = false;
  draft.TouchSource(std::string(source));
  return Commit(draft).WithContext("unblock a source");
}

Status KvSampleLog::UnlistAll() {
  while (!listed_.empty()) {
    const std::string source = *listed_.begin();
    const Status done = Unlist(source);
    if (!done.ok() && done.code() != Code::kNotFound) return done;
    listed_.erase(source);
  }
  return Status::Ok();
}

Result<size_t> KvSampleLog::SweepQuarantine(const std::string& source) {
  AppendDraft draft = NewDraft();
  size_t dropped = 0;
  const auto at = store_.NewIterator(families_.quarantine);
  for (at->SeekToFirst(); at->Valid(); at->Next()) {
    if (at->key().size() != 8) return Corruption("malformed key in the quarantine");
    const uint64_t id = ReadBigEndian64(at->key());
    PERENNIAL_ASSIGN_OR_RETURN(const QuarantineEntry entry, DecodeQuarantine(id, at->value()));
    if (entry.sample.source != source) continue;
    draft.DropQuarantine(id, at->value().size());
    ++dropped;
  }
  PERENNIAL_RETURN_IF_ERROR(at->status());
  if (dropped > 0) PERENNIAL_RETURN_IF_ERROR(Commit(draft).WithContext("take a source out of quarantine"));
  return dropped;
}

Status KvSampleLog::Unlist(const std::string& source) {
  PERENNIAL_ASSIGN_OR_RETURN(const SourceRecord known, RecordOf(source));
  if (!known.listed) return Status::Ok();
  const TakesBack counts(taken_back_);
  for (Offset next = known.since;;) {
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<Offset> offsets,
                               ListChunk(store_, families_.sources, source, next, *known.forgotten_at));
    if (offsets.empty()) break;
    PERENNIAL_RETURN_IF_ERROR(UnlistEntries(offsets));
    next = Offset{offsets.back().value + 1};
  }
  PERENNIAL_RETURN_IF_ERROR(SweepQuarantine(source).status());
  AppendDraft draft = NewDraft();
  PERENNIAL_RETURN_IF_ERROR(draft.LoadSources(store_, {source}));
  draft.Source(source).listed = false;
  draft.TouchSource(source);
  return Commit(draft).WithContext("take a source out of the indices");
}

Status KvSampleLog::UnlistEntries(const std::vector<Offset>& offsets) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<LogRecord> records, ReadRecords(offsets));
  const LogState state = Snapshot();
  AppendDraft draft = NewDraft();
  std::vector<std::string> keys;  // of duplicates; one that leads elsewhere is of a newer sample
  std::vector<Offset> expected;
  for (size_t i = 0; i < records.size(); ++i) {
    LogRecord record = records[i];
    if (record.kind == EntryKind::kLateLabel) {
      PERENNIAL_ASSIGN_OR_RETURN(std::vector<LogRecord> original, ReadRecords({record.labels}));
      record.sample.slice = std::move(original[0].sample.slice);
    } else if (record.kind == EntryKind::kSample) {
      keys.push_back(DedupKey(record.sample, record.image.value_or(Hash256{})));
      expected.push_back(offsets[i]);
    }
    if (!record.held_out) continue;
    const auto slice = state.slice_numbers.find(record.sample.slice);
    if (slice != state.slice_numbers.end()) draft.Delete(families_.held_out, HeldOutKey(slice->second, offsets[i]));
  }
  for (const kv::Family family : {families_.dedup, families_.waiting}) {
    PERENNIAL_ASSIGN_OR_RETURN(const auto values, store_.MultiGet(family, keys));
    for (size_t i = 0; i < keys.size(); ++i) {
      if (values[i] && *values[i] == OffsetValue(expected[i])) draft.Delete(family, keys[i]);
    }
  }
  return Commit(draft).WithContext("take a source out of the indices");
}

Status KvSampleLog::ResumeForgetting() {
  {
    MutexLock lock(append_mutex_);
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<std::string> pending, Names(kPendingKind));
    listed_.insert(pending.begin(), pending.end());
    // A full disk is no reason not to open; whoever appends next has to get past this first.
    if (const Status done = UnlistAll(); !done.ok()) log::Warn("forgetting_waits", {{"error", done.ToString()}});
  }
  EraseForgotten();
  return Status::Ok();
}

void KvSampleLog::EraseForgotten() {
  const Status done = TryErase();
  if (done.ok()) return;
  log::Warn("erasing_failed", {{"error", done.ToString()},
                               {"hint",
                                "what was forgotten is out of use, but still on the disk: see that the disk "
                                "works and has room, then ask for it to be forgotten again"}});
}

Status KvSampleLog::TryErase() {
  MutexLock lock(erase_mutex_);
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<std::string> pending, Names(kPendingKind));
  if (pending.empty()) return Status::Ok();
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<ReaderInfo> readers, Readers());
  for (const std::string& source : pending) {
    PERENNIAL_ASSIGN_OR_RETURN(const SourceRecord record, RecordOf(source));
    const Offset until = record.forgotten_at.value_or(Offset{});
    const bool waits =
        std::any_of(readers.begin(), readers.end(), [&](const ReaderInfo& reader) { return reader.done <= until; });
    if (!waits) PERENNIAL_RETURN_IF_ERROR(Erase(source, until).WithContext("erase " + Named(source)));
  }
  return Status::Ok();
}

Status KvSampleLog::Erase(const std::string& source, Offset until) {
  BlobSweep sweep(store_, families_, source, until);
  PERENNIAL_RETURN_IF_ERROR(sweep.Collect());
  PERENNIAL_RETURN_IF_ERROR(sweep.Scan(End()));
  for (Offset next;;) {
    MutexLock lock(append_mutex_);
    PERENNIAL_RETURN_IF_ERROR(UnlistAll());  // unless a failed write left that undone, it is done
    // What was appended since the last chunk may name pictures that were to go.
    PERENNIAL_RETURN_IF_ERROR(sweep.Scan(End()));
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<Offset> offsets,
                               ListChunk(store_, families_.sources, source, next, until));
    if (offsets.empty()) break;
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<LogRecord> records, ReadRecords(offsets));
    AppendDraft draft = NewDraft();
    for (size_t i = 0; i < offsets.size(); ++i) {
      if (records[i].image && sweep.Take(*records[i].image)) {
        // An erasure that was broken off may have dropped it with an entry before this one.
        PERENNIAL_ASSIGN_OR_RETURN(const auto blob, store_.Get(families_.blobs, records[i].image->View()));
        if (blob) draft.DropBlob(*records[i].image);
      }
      if (records[i].kind != EntryKind::kErased) draft.EraseEntry(offsets[i], records[i].appended_us);
    }
    const TakesBack counts(taken_back_);
    PERENNIAL_RETURN_IF_ERROR(Commit(draft));
    next = Offset{offsets.back().value + 1};
  }
  PERENNIAL_RETURN_IF_ERROR(store_.Purge(
      {families_.log, families_.blobs, families_.dedup, families_.held_out, families_.waiting, families_.quarantine}));
  MutexLock lock(append_mutex_);
  AppendDraft draft = NewDraft();
  PERENNIAL_RETURN_IF_ERROR(draft.LoadSources(store_, {source}));
  SourceRecord& record = draft.Source(source);
  if (record.forgotten_at != until) return Status::Ok();  // forgotten anew meanwhile
  record.pending = false;
  draft.TouchSource(source);
  draft.Delete(families_.sources, PendingKey(source));
  PERENNIAL_RETURN_IF_ERROR(Commit(draft));
  log::Info("source_erased", {{"source", source}, {"until", until.value}});
  return Status::Ok();
}

}  // namespace perennial::samples
