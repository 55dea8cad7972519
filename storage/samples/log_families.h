#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/hash.h"
#include "storage/base/ids.h"
#include "storage/base/status.h"
#include "storage/format/sample.h"
#include "storage/kv/kv_store.h"

namespace perennial::samples {

// The log's column families in one store (sample_log_format.md). Value type.
struct LogFamilies {
  kv::Family log;         // offset -> LogRecord
  kv::Family blobs;       // image hash -> encoded image
  kv::Family dedup;       // DedupKey -> offset
  kv::Family held_out;    // slice number, offset -> Part
  kv::Family waiting;     // DedupKey of a sample without a label -> offset
  kv::Family quarantine;  // id -> QuarantineRecord
  kv::Family meta;        // "state" -> LogState; "slice" + number -> its name
  kv::Family sources;     // SourceRecord by source, the offsets of each source, readers (source_record.h)

  static Result<LogFamilies> Find(const kv::KvStore& store);
};

// What makes a sample the same as another: (source, id), or without an id the hash of image, text and label.
std::string DedupKey(const format::Sample& sample, const Hash256& image_hash);
std::string DedupKey(std::string_view source, std::string_view id);
std::string HeldOutKey(uint32_t slice, Offset offset);
std::string SliceKey(uint32_t slice);

// Offsets as values.
std::string OffsetValue(Offset offset);
Result<Offset> ReadOffsetValue(std::string_view value);

}  // namespace perennial::samples
