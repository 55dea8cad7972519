#include <set>

#include "storage/base/bytes.h"
#include "storage/samples/kv_sample_log.h"

namespace perennial::samples {

Result<std::vector<AppendOutcome>> KvSampleLog::Append(std::vector<format::Sample> samples,
                                                       std::vector<std::string> pointers) {
  if (samples.empty()) return std::vector<AppendOutcome>();
  pointers.resize(samples.size());
  const Offset end_before = End();
  const uint64_t taken_back_before = taken_back_;
  PERENNIAL_ASSIGN_OR_RETURN(std::vector<CheckedSample> checked, checker_.Check(samples));

  MutexLock lock(append_mutex_);
  PERENNIAL_RETURN_IF_ERROR(UnlistAll());
  if (taken_back_ != taken_back_before) {
    PERENNIAL_ASSIGN_OR_RETURN(checked, checker_.Check(samples));
  } else if (End() != end_before) {
    PERENNIAL_RETURN_IF_ERROR(checker_.LookUp(checked));
  }
  AppendDraft draft = NewDraft();
  std::set<std::string> sources;
  for (const format::Sample& sample : samples) sources.insert(sample.source);
  PERENNIAL_RETURN_IF_ERROR(draft.LoadSources(store_, sources));
  std::vector<AppendOutcome> outcomes;
  outcomes.reserve(samples.size());
  for (size_t i = 0; i < samples.size(); ++i) {
    outcomes.push_back(draft.Add(std::move(samples[i]), checked[i], pointers[i]));
  }
  PERENNIAL_RETURN_IF_ERROR(TrimQuarantine(draft));
  PERENNIAL_RETURN_IF_ERROR(Commit(draft).WithContext("append to the sample log"));
  return outcomes;
}

Result<Offset> KvSampleLog::AppendLateLabel(std::string_view source, std::string_view id, std::string_view label) {
  format::Sample rules;
  rules.text = "-";
  rules.source = source;
  rules.id = id;
  rules.label = std::string(label);
  PERENNIAL_RETURN_IF_ERROR(format::ValidateSample(rules, options_.limits));
  if (id.empty()) return InvalidArgument("id: empty", "a sample without an id cannot be labelled later");
  const std::string key = DedupKey(source, id);

  MutexLock lock(append_mutex_);
  PERENNIAL_RETURN_IF_ERROR(UnlistAll());
  PERENNIAL_ASSIGN_OR_RETURN(const std::optional<std::string> waiting, store_.Get(families_.waiting, key));
  if (!waiting) {
    PERENNIAL_ASSIGN_OR_RETURN(const std::optional<std::string> known, store_.Get(families_.dedup, key));
    const std::string name = "sample '" + std::string(id) + "' of source '" + std::string(source) + "'";
    if (known) return Status(Code::kAlreadyExists, name + " has a label already");
    return NotFound(name + " is not in the log", "send the sample first");
  }
  PERENNIAL_ASSIGN_OR_RETURN(const Offset offset, ReadOffsetValue(*waiting));
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<LogRecord> records, ReadRecords({offset}));
  AppendDraft draft = NewDraft();
  PERENNIAL_RETURN_IF_ERROR(draft.LoadSources(store_, {records[0].sample.source}));
  const Offset at = draft.AddLateLabel(records[0], offset, key, label);
  PERENNIAL_RETURN_IF_ERROR(Commit(draft).WithContext("append a late label"));
  return at;
}

Result<Offset> KvSampleLog::AppendFlush() {
  MutexLock lock(append_mutex_);
  AppendDraft draft = NewDraft();
  const Offset at = draft.AddFlush();
  PERENNIAL_RETURN_IF_ERROR(Commit(draft).WithContext("append a flush"));
  return at;
}

Result<std::vector<uint64_t>> KvSampleLog::QuarantineAll(std::vector<BadInput> inputs) {
  for (const BadInput& input : inputs) {
    if (input.error.ok()) return InvalidArgument("quarantine needs an error");
  }
  std::vector<uint64_t> ids;
  if (inputs.empty()) return ids;
  MutexLock lock(append_mutex_);
  PERENNIAL_RETURN_IF_ERROR(UnlistAll());
  AppendDraft draft = NewDraft();
  std::set<std::string> sources;
  for (const BadInput& input : inputs) sources.insert(input.partial.source);
  PERENNIAL_RETURN_IF_ERROR(draft.LoadSources(store_, sources));
  for (BadInput& input : inputs) {
    // Of a blocked source nothing is kept but that something came.
    if (draft.Source(input.partial.source).blocked) input.partial = {};
    ++draft.state().stats.quarantined;
    ids.push_back(draft.AddQuarantine(input.error, input.pointer, std::move(input.partial)));
  }
  PERENNIAL_RETURN_IF_ERROR(TrimQuarantine(draft));
  PERENNIAL_RETURN_IF_ERROR(Commit(draft).WithContext("write to quarantine"));
  return ids;
}

Result<uint64_t> KvSampleLog::Quarantine(const Status& error, std::string_view pointer, const format::Sample& partial) {
  std::vector<BadInput> one;
  one.push_back({error, std::string(pointer), partial});
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<uint64_t> ids, QuarantineAll(std::move(one)));
  return ids[0];
}

Status KvSampleLog::DropQuarantine(uint64_t id) {
  MutexLock lock(append_mutex_);
  PERENNIAL_ASSIGN_OR_RETURN(const auto stored, store_.Get(families_.quarantine, BigEndian64(id)));
  if (!stored) return NotFound("no quarantine entry " + std::to_string(id));
  AppendDraft draft = NewDraft();
  draft.DropQuarantine(id, stored->size());
  return Commit(draft).WithContext("drop from quarantine");
}

Status KvSampleLog::TrimQuarantine(AppendDraft& draft) {
  const auto is_over = [this, &stats = draft.state().stats] {
    return stats.quarantine_entries > options_.max_quarantine_entries ||
           stats.quarantine_bytes > options_.max_quarantine_bytes;
  };
  if (!is_over()) return Status::Ok();
  const auto at = store_.NewIterator(families_.quarantine);
  for (at->SeekToFirst(); at->Valid() && is_over(); at->Next()) {
    if (at->key().size() != 8) return Corruption("malformed key in the quarantine");
    draft.DropQuarantine(ReadBigEndian64(at->key()), at->value().size());
  }
  PERENNIAL_RETURN_IF_ERROR(at->status());
  while (is_over() && draft.DropOldestAdded()) {
  }
  return Status::Ok();
}

Status KvSampleLog::Commit(AppendDraft& draft) {
  // Duplicates alone change only counters; their samples were synced when they were accepted.
  const bool must_sync = draft.Finish();
  PERENNIAL_RETURN_IF_ERROR(
      store_.Write(draft.batch(), must_sync ? kv::Durability::kSynced : kv::Durability::kBuffered));
  MutexLock lock(state_mutex_);
  state_ = std::move(draft.state());
  grew_.NotifyAll();
  return Status::Ok();
}

}  // namespace perennial::samples
