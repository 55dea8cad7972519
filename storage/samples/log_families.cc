#include "storage/samples/log_families.h"

#include "storage/base/bytes.h"
#include "storage/samples/sample_log.h"

namespace perennial::samples {

std::vector<std::string> SampleLog::Families() {
  return {"samples.log",     "samples.blobs",      "samples.dedup", "samples.held_out",
          "samples.waiting", "samples.quarantine", "samples.meta",  "samples.sources"};
}

Result<LogFamilies> LogFamilies::Find(const kv::KvStore& store) {
  LogFamilies families;
  PERENNIAL_ASSIGN_OR_RETURN(families.log, store.FindFamily("samples.log"));
  PERENNIAL_ASSIGN_OR_RETURN(families.blobs, store.FindFamily("samples.blobs"));
  PERENNIAL_ASSIGN_OR_RETURN(families.dedup, store.FindFamily("samples.dedup"));
  PERENNIAL_ASSIGN_OR_RETURN(families.held_out, store.FindFamily("samples.held_out"));
  PERENNIAL_ASSIGN_OR_RETURN(families.waiting, store.FindFamily("samples.waiting"));
  PERENNIAL_ASSIGN_OR_RETURN(families.quarantine, store.FindFamily("samples.quarantine"));
  PERENNIAL_ASSIGN_OR_RETURN(families.meta, store.FindFamily("samples.meta"));
  PERENNIAL_ASSIGN_OR_RETURN(families.sources, store.FindFamily("samples.sources"));
  return families;
}

std::string DedupKey(std::string_view source, std::string_view id) {
  ByteWriter key;
  key.U8('i');
  key.Bytes(source);
  key.Raw(id);
  return key.Take();
}

std::string DedupKey(const format::Sample& sample, const Hash256& image_hash) {
  if (!sample.id.empty()) return DedupKey(sample.source, sample.id);
  ByteWriter content;
  content.Raw(image_hash.View());
  content.Bytes(sample.text);
  content.U8(sample.label ? 1 : 0);
  if (sample.label) content.Raw(*sample.label);
  return std::string("h").append(Sha256(content.data()).View());
}

std::string HeldOutKey(uint32_t slice, Offset offset) {
  return BigEndian64(slice).substr(4) + BigEndian64(offset.value);
}

std::string SliceKey(uint32_t slice) { return "slice" + BigEndian64(slice).substr(4); }

std::string OffsetValue(Offset offset) {
  ByteWriter out;
  out.Varint(offset.value);
  return out.Take();
}

Result<Offset> ReadOffsetValue(std::string_view value) {
  ByteReader in(value);
  const Offset offset{in.Varint()};
  PERENNIAL_RETURN_IF_ERROR(in.Finish("offset in the sample log's index"));
  return offset;
}

}  // namespace perennial::samples
