#include "storage/base/bytes.h"
#include "storage/samples/kv_sample_log.h"
#include "storage/samples/quarantine_record.h"
#include "storage/samples/source_record.h"

namespace perennial::samples {

Result<std::vector<LogRecord>> KvSampleLog::ReadRecords(const std::vector<Offset>& offsets) const {
  std::vector<std::string> keys;
  keys.reserve(offsets.size());
  for (const Offset offset : offsets) keys.push_back(BigEndian64(offset.value));
  PERENNIAL_ASSIGN_OR_RETURN(const auto values, store_.MultiGet(families_.log, keys));
  std::vector<LogRecord> records;
  records.reserve(offsets.size());
  for (size_t i = 0; i < offsets.size(); ++i) {
    const std::string what = "log entry " + offsets[i].ToString();
    if (!values[i]) return Corruption(what + " is missing", "restore the folder from a snapshot");
    PERENNIAL_ASSIGN_OR_RETURN(LogRecord record, LogRecord::Decode(*values[i]).WithContext(what));
    records.push_back(std::move(record));
  }
  return records;
}

Result<bool> KvSampleLog::IsForgotten(const std::string& source, Offset offset) const {
  PERENNIAL_ASSIGN_OR_RETURN(const std::optional<std::string> stored, store_.Get(families_.sources, SourceKey(source)));
  if (!stored) return false;
  PERENNIAL_ASSIGN_OR_RETURN(const SourceRecord record, SourceRecord::Decode(*stored));
  return record.forgotten_at && offset < *record.forgotten_at;
}

Result<Entry> KvSampleLog::Read(Offset offset) const {
  PERENNIAL_ASSIGN_OR_RETURN(std::vector<Entry> entries, ReadRange(offset, 1));
  if (entries.empty()) {
    return NotFound("the log ends at " + End().ToString() + ", there is no entry " + offset.ToString());
  }
  return std::move(entries[0]);
}

Result<std::vector<Entry>> KvSampleLog::ReadRange(Offset begin, size_t max_count) const {
  std::vector<Offset> offsets;
  const uint64_t end = End().value;
  for (uint64_t at = begin.value; at < end && offsets.size() < max_count; ++at) offsets.push_back(Offset{at});
  PERENNIAL_ASSIGN_OR_RETURN(std::vector<LogRecord> records, ReadRecords(offsets));

  // A late label's sample is the one that it labels.
  std::vector<Offset> labelled;
  for (const LogRecord& record : records) {
    if (record.kind == EntryKind::kLateLabel) labelled.push_back(record.labels);
  }
  PERENNIAL_ASSIGN_OR_RETURN(std::vector<LogRecord> originals, ReadRecords(labelled));
  size_t next_original = 0;
  std::vector<std::string> hashes;
  std::vector<size_t> with_image;
  std::vector<Entry> entries(records.size());
  for (size_t i = 0; i < records.size(); ++i) {
    LogRecord& record = records[i];
    Entry& entry = entries[i];
    entry.offset = offsets[i];
    entry.kind = record.kind;
    entry.held_out = record.held_out;
    entry.appended_us = record.appended_us;
    LogRecord& holder = record.kind == EntryKind::kLateLabel ? originals[next_original++] : record;
    if (holder.kind == EntryKind::kErased) {
      // A late label is erased with its sample, but not always at the same moment.
      entry.kind = EntryKind::kErased;
      entry.held_out = false;
      continue;
    }
    entry.sample = std::move(holder.sample);
    if (record.kind == EntryKind::kForget) {
      entry.sample.source = std::move(record.source);
      entry.since = record.since;
    }
    if (record.kind == EntryKind::kLateLabel) {
      entry.labels = record.labels;
      entry.sample.label = std::move(record.label);
    }
    if (holder.image) {
      hashes.emplace_back(holder.image->View());
      with_image.push_back(i);
    }
  }
  PERENNIAL_ASSIGN_OR_RETURN(auto blobs, store_.MultiGet(families_.blobs, hashes));
  for (size_t i = 0; i < with_image.size(); ++i) {
    Entry& entry = entries[with_image[i]];
    if (blobs[i]) {
      entry.sample.image = std::move(*blobs[i]);
      continue;
    }
    // Its record was read before it was erased, or its picture went before it.
    PERENNIAL_ASSIGN_OR_RETURN(const bool forgotten, IsForgotten(entry.sample.source, entry.offset));
    if (!forgotten) return Corruption("the image of log entry " + entry.offset.ToString() + " is missing");
    Entry erased;
    erased.offset = entry.offset;
    erased.kind = EntryKind::kErased;
    erased.appended_us = entry.appended_us;
    entry = std::move(erased);
  }
  return entries;
}

Result<std::vector<Offset>> KvSampleLog::HeldOutOffsets(std::string_view slice, HeldOut which) const {
  uint32_t number = 0;
  {
    MutexLock lock(state_mutex_);
    const auto found = state_.slice_numbers.find(slice.empty() ? "default" : slice);
    if (found == state_.slice_numbers.end()) return std::vector<Offset>();
    number = found->second;
  }
  std::vector<Offset> offsets;
  const std::string first = HeldOutKey(number, Offset{0});
  const std::string_view prefix = std::string_view(first).substr(0, 4);
  const auto at = store_.NewIterator(families_.held_out);
  for (at->Seek(first); at->Valid() && at->key().starts_with(prefix); at->Next()) {
    if (at->key().size() != 12 || at->value().size() != 1) return Corruption("malformed held-out index");
    const bool test_part = at->value()[0] == static_cast<char>(format::Part::kTest);
    if (which == HeldOut::kAll || test_part == (which == HeldOut::kTestPart)) {
      offsets.push_back(Offset{ReadBigEndian64(at->key().substr(4))});
    }
  }
  PERENNIAL_RETURN_IF_ERROR(at->status());
  return offsets;
}

Result<std::vector<QuarantineEntry>> KvSampleLog::ListQuarantine(uint64_t after_id, size_t max_count) const {
  std::vector<QuarantineEntry> entries;
  if (after_id == UINT64_MAX) return entries;
  const auto at = store_.NewIterator(families_.quarantine);
  for (at->Seek(BigEndian64(after_id + 1)); at->Valid() && entries.size() < max_count; at->Next()) {
    if (at->key().size() != 8) return Corruption("malformed key in the quarantine");
    const uint64_t id = ReadBigEndian64(at->key());
    PERENNIAL_ASSIGN_OR_RETURN(QuarantineEntry entry,
                               DecodeQuarantine(id, at->value()).WithContext("quarantine " + std::to_string(id)));
    entries.push_back(std::move(entry));
  }
  PERENNIAL_RETURN_IF_ERROR(at->status());
  return entries;
}

}  // namespace perennial::samples
