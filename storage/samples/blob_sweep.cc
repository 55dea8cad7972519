#include "storage/samples/blob_sweep.h"

#include "storage/base/bytes.h"
#include "storage/samples/source_record.h"

namespace perennial::samples {

Status BlobSweep::Collect() {
  const auto entry = store_.NewIterator(families_.sources);
  const std::string end = SourceEntryKey(source_, until_);
  for (entry->Seek(SourceEntryKey(source_, Offset{0})); entry->Valid() && entry->key() < end; entry->Next()) {
    const std::string_view offset = entry->key().substr(entry->key().size() - sizeof(uint64_t));
    PERENNIAL_ASSIGN_OR_RETURN(const std::optional<std::string> stored, store_.Get(families_.log, offset));
    if (!stored) return Corruption("log entry " + std::to_string(ReadBigEndian64(offset)) + " is missing");
    PERENNIAL_ASSIGN_OR_RETURN(const LogRecord record, LogRecord::Decode(*stored));
    if (record.image) going_.insert(*record.image);
  }
  return entry->status();
}

Status BlobSweep::Scan(Offset end) {
  if (going_.empty() || scanned_ >= end) return Status::Ok();
  const auto at = store_.NewIterator(families_.log);
  for (at->Seek(BigEndian64(scanned_.value)); at->Valid() && !going_.empty(); at->Next()) {
    if (at->key().size() != sizeof(uint64_t)) return Corruption("malformed key in the log");
    const Offset offset{ReadBigEndian64(at->key())};
    if (offset >= end) break;
    PERENNIAL_ASSIGN_OR_RETURN(const std::optional<Hash256> image, LogRecord::ImageOf(at->value()));
    if (!image || !going_.contains(*image)) continue;
    PERENNIAL_ASSIGN_OR_RETURN(const LogRecord record, LogRecord::Decode(at->value()));
    if (record.sample.source != source_ || offset >= until_) going_.erase(*image);
  }
  scanned_ = end;
  return at->status();
}

}  // namespace perennial::samples
