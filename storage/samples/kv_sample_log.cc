#include "storage/samples/kv_sample_log.h"

#include <map>

#include "storage/base/bytes.h"
#include "storage/samples/source_record.h"

namespace perennial::samples {

Status SampleLogOptions::Validate() const {
  if (!(held_out_share >= 0 && held_out_share < 1)) {
    return InvalidArgument("held_out_share must be at least 0 and below 1");
  }
  if (validation_threads < 1 || validation_threads > 256) {
    return InvalidArgument("validation_threads must be between 1 and 256");
  }
  if (image_limits.max_side < 1 || image_limits.max_pixels < 1) {
    return InvalidArgument("the limits of pictures must be at least 1 pixel");
  }
  if (max_quarantine_entries < 1) return InvalidArgument("max_quarantine_entries must be at least 1");
  if (max_quarantine_bytes < 1) return InvalidArgument("max_quarantine_bytes must be at least 1");
  return Status::Ok();
}

namespace {

constexpr size_t kMigrationBatch = 4096;  // operations

// The slices' names in the order of their numbers.
Status LoadSlices(const kv::KvStore& store, const LogFamilies& families, LogState& state) {
  const auto at = store.NewIterator(families.meta);
  const std::string first = SliceKey(0);
  for (at->Seek(first); at->Valid() && at->key().starts_with("slice"); at->Next()) {
    if (at->key() != SliceKey(static_cast<uint32_t>(state.slices.size()))) return Corruption("a slice is missing");
    state.AddSlice(std::string(at->value()));
  }
  return at->status();
}

Result<uint64_t> EndByLastKey(const kv::KvStore& store, const LogFamilies& families) {
  const auto at = store.NewIterator(families.log);
  at->SeekToLast();
  PERENNIAL_RETURN_IF_ERROR(at->status());
  if (!at->Valid()) return uint64_t{0};
  if (at->key().size() != 8) return Corruption("malformed key in the log");
  return ReadBigEndian64(at->key()) + 1;
}

// For a log that was written before they were counted.
Status CountQuarantineBytes(const kv::KvStore& store, const LogFamilies& families, LogState& state) {
  state.stats.quarantine_bytes = 0;
  const auto at = store.NewIterator(families.quarantine);
  for (at->SeekToFirst(); at->Valid(); at->Next()) state.stats.quarantine_bytes += at->value().size();
  state.quarantine_bytes_known = true;
  return at->status();
}

// For a log that was written before sources had records. What was counted by a run that was killed is counted again.
Status CountSources(kv::KvStore& store, const LogFamilies& families, LogState& state) {
  std::map<std::string, SourceRecord> sources;
  kv::WriteBatch batch;
  const auto list = [&](const std::string& source, std::string_view offset, SourceUse use) {
    SourceRecord& record = sources[source];
    ++(use == SourceUse::kWaiting ? record.waiting : use == SourceUse::kHeldOut ? record.held_out : record.trainable);
    batch.Put(families.sources, SourceEntryKey(source, Offset{ReadBigEndian64(offset)}),
              std::string(1, static_cast<char>(use)));
  };
  const auto use_of = [](bool labelled, bool held_out) {
    return !labelled ? SourceUse::kWaiting : held_out ? SourceUse::kHeldOut : SourceUse::kTrainable;
  };
  const auto at = store.NewIterator(families.log);
  for (at->SeekToFirst(); at->Valid(); at->Next()) {
    PERENNIAL_ASSIGN_OR_RETURN(const LogRecord record, LogRecord::Decode(at->value()));
    if (record.kind == EntryKind::kSample) {
      ++sources[record.sample.source].samples;
      list(record.sample.source, at->key(), use_of(record.sample.label.has_value(), record.held_out));
    } else if (record.kind == EntryKind::kLateLabel) {
      PERENNIAL_ASSIGN_OR_RETURN(const auto stored, store.Get(families.log, BigEndian64(record.labels.value)));
      if (!stored) return Corruption("log entry " + record.labels.ToString() + " is missing");
      PERENNIAL_ASSIGN_OR_RETURN(const LogRecord original, LogRecord::Decode(*stored));
      --sources[original.sample.source].waiting;
      list(original.sample.source, at->key(), use_of(true, record.held_out));
    }
    if (batch.operations().size() < kMigrationBatch) continue;
    PERENNIAL_RETURN_IF_ERROR(store.Write(batch, kv::Durability::kBuffered));
    batch.Clear();
  }
  PERENNIAL_RETURN_IF_ERROR(at->status());
  for (const auto& [source, record] : sources) batch.Put(families.sources, SourceKey(source), record.Encode());
  state.sources_known = true;
  batch.Put(families.meta, "state", state.Encode());
  return store.Write(batch, kv::Durability::kSynced);
}

Result<LogState> LoadState(kv::KvStore& store, const LogFamilies& families, const SampleLogOptions& options) {
  LogState state;
  state.seed = options.seed;
  state.held_out_share = options.held_out_share;
  PERENNIAL_ASSIGN_OR_RETURN(const std::optional<std::string> stored, store.Get(families.meta, "state"));
  if (stored) {
    PERENNIAL_ASSIGN_OR_RETURN(state, LogState::Decode(*stored));
  }
  if (!state.quarantine_bytes_known) PERENNIAL_RETURN_IF_ERROR(CountQuarantineBytes(store, families, state));
  PERENNIAL_ASSIGN_OR_RETURN(const uint64_t end, EndByLastKey(store, families));
  if (end != state.stats.end) {
    return Corruption("the counters say that the log ends at " + std::to_string(state.stats.end) + ", it ends at " +
                          std::to_string(end),
                      "restore the folder from a snapshot");
  }
  // Another draw would put groups that were trained on into the held-out set, and the other way round.
  if (end > 0 && (state.seed != options.seed || state.held_out_share != options.held_out_share)) {
    return FailedPrecondition("this log draws its held-out share with seed " + std::to_string(state.seed) +
                                  " and share " + std::to_string(state.held_out_share) + ", the settings differ",
                              "use these values, or start a new --data folder");
  }
  state.seed = options.seed;
  state.held_out_share = options.held_out_share;
  PERENNIAL_RETURN_IF_ERROR(LoadSlices(store, families, state));
  if (!state.sources_known) PERENNIAL_RETURN_IF_ERROR(CountSources(store, families, state));
  return state;
}

}  // namespace

Result<std::unique_ptr<SampleLog>> SampleLog::Open(kv::KvStore& store, SampleLogOptions options, const Clock& clock) {
  PERENNIAL_RETURN_IF_ERROR(options.Validate());
  PERENNIAL_ASSIGN_OR_RETURN(const LogFamilies families, LogFamilies::Find(store));
  PERENNIAL_ASSIGN_OR_RETURN(LogState state, LoadState(store, families, options).WithContext("open sample log"));
  auto log = std::make_unique<KvSampleLog>(store, families, options, clock, std::move(state));
  PERENNIAL_RETURN_IF_ERROR(log->ResumeForgetting().WithContext("open sample log"));
  return std::unique_ptr<SampleLog>(std::move(log));
}

KvSampleLog::KvSampleLog(kv::KvStore& store, const LogFamilies& families, const SampleLogOptions& options,
                         const Clock& clock, LogState state)
    : store_(store),
      families_(families),
      options_(options),
      clock_(clock),
      checker_(store, families, options),
      state_(std::move(state)) {}

LogState KvSampleLog::Snapshot() const {
  MutexLock lock(state_mutex_);
  return state_;
}

Offset KvSampleLog::End() const {
  MutexLock lock(state_mutex_);
  return Offset{state_.stats.end};
}

bool KvSampleLog::WaitPast(Offset offset, SteadyTime deadline) const {
  MutexLock lock(state_mutex_);
  while (state_.stats.end <= offset.value) {
    if (!grew_.WaitUntil(state_mutex_, deadline)) return state_.stats.end > offset.value;
  }
  return true;
}

std::vector<std::string> KvSampleLog::Slices() const {
  MutexLock lock(state_mutex_);
  return state_.slices;
}

SampleLogStats KvSampleLog::Stats() const {
  MutexLock lock(state_mutex_);
  return state_.stats;
}

}  // namespace perennial::samples
