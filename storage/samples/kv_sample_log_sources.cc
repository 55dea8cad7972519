#include "storage/base/bytes.h"
#include "storage/samples/kv_sample_log.h"

namespace perennial::samples {
namespace {

SourceInfo InfoOf(std::string_view source, const SourceRecord& record) {
  return {.source = std::string(source),
          .samples = record.samples,
          .waiting_for_label = record.waiting,
          .held_out = record.held_out,
          .trainable = record.trainable,
          .forgotten = record.forgotten,
          .blocked = record.blocked,
          .forgotten_at = record.forgotten_at,
          .erasing = record.pending};
}

}  // namespace

Result<std::vector<SourceInfo>> KvSampleLog::Sources(std::string_view after, size_t max_count) const {
  std::vector<SourceInfo> sources;
  const auto at = store_.NewIterator(families_.sources);
  // The name that comes next is `after` and a zero byte.
  const std::string first = after.empty() ? SourceKey("") : SourceKey(after) + std::string(1, '\0');
  for (at->Seek(first); at->Valid() && at->key()[0] == kSourceKind && sources.size() < max_count; at->Next()) {
    PERENNIAL_ASSIGN_OR_RETURN(const SourceRecord record, SourceRecord::Decode(at->value()));
    sources.push_back(InfoOf(at->key().substr(1), record));
  }
  PERENNIAL_RETURN_IF_ERROR(at->status());
  return sources;
}

Result<SourceInfo> KvSampleLog::FindSource(std::string_view source) const {
  PERENNIAL_ASSIGN_OR_RETURN(const SourceRecord record, RecordOf(source));
  return InfoOf(source, record);
}

Result<std::vector<Offset>> KvSampleLog::OffsetsOf(std::string_view source, SourceUse use, Offset begin,
                                                   Offset end) const {
  std::vector<Offset> offsets;
  const auto at = store_.NewIterator(families_.sources);
  const std::string last = SourceEntryKey(source, end);
  for (at->Seek(SourceEntryKey(source, begin)); at->Valid() && at->key() < last; at->Next()) {
    if (at->value().size() != 1) return Corruption("malformed index of a source");
    if (at->value()[0] != static_cast<char>(use)) continue;
    offsets.push_back(Offset{ReadBigEndian64(at->key().substr(at->key().size() - sizeof(uint64_t)))});
  }
  PERENNIAL_RETURN_IF_ERROR(at->status());
  return offsets;
}

Result<std::vector<std::string>> KvSampleLog::Names(char kind) const {
  std::vector<std::string> names;
  const auto at = store_.NewIterator(families_.sources);
  for (at->Seek(std::string(1, kind)); at->Valid() && at->key()[0] == kind; at->Next()) {
    names.emplace_back(at->key().substr(1));
  }
  PERENNIAL_RETURN_IF_ERROR(at->status());
  return names;
}

Status KvSampleLog::NoteReader(std::string_view reader, Offset done) {
  if (reader.empty()) return InvalidArgument("a reader has no name");
  {
    MutexLock lock(append_mutex_);
    PERENNIAL_ASSIGN_OR_RETURN(const auto stored, store_.Get(families_.sources, ReaderKey(reader)));
    if (!stored || *stored != OffsetValue(done)) {
      kv::WriteBatch batch;
      batch.Put(families_.sources, ReaderKey(reader), OffsetValue(done));
      PERENNIAL_RETURN_IF_ERROR(
          store_.Write(batch, kv::Durability::kSynced).WithContext("note a reader of the sample log"));
    }
  }
  EraseForgotten();
  return Status::Ok();
}

Status KvSampleLog::RemoveReader(std::string_view reader) {
  {
    MutexLock lock(append_mutex_);
    kv::WriteBatch batch;
    batch.Delete(families_.sources, ReaderKey(reader));
    PERENNIAL_RETURN_IF_ERROR(store_.Write(batch, kv::Durability::kSynced).WithContext("remove a reader"));
  }
  EraseForgotten();
  return Status::Ok();
}

Result<std::vector<ReaderInfo>> KvSampleLog::Readers() const {
  std::vector<ReaderInfo> readers;
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<std::string> names, Names(kReaderKind));
  for (const std::string& name : names) {
    PERENNIAL_ASSIGN_OR_RETURN(const auto stored, store_.Get(families_.sources, ReaderKey(name)));
    if (!stored) continue;
    PERENNIAL_ASSIGN_OR_RETURN(const Offset done, ReadOffsetValue(*stored));
    readers.push_back({name, done});
  }
  return readers;
}

}  // namespace perennial::samples
