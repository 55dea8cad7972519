#include "storage/versions/chunk_table.h"

namespace perennial::versions {

Result<std::string> ChunkTable::Read(const Hash256& hash) const {
  PERENNIAL_ASSIGN_OR_RETURN(std::optional<std::string> bytes, store_.Get(family_, hash.View()));
  if (!bytes) return NotFound("chunk " + hash.Short() + " is not stored");
  if (Sha256(*bytes) != hash) {
    return Corruption("chunk " + hash.Short() + ": the stored bytes do not have its hash", "fetch it again");
  }
  return std::move(*bytes);
}

Status ChunkTable::Put(const Hash256& hash, std::string_view bytes) {
  if (Sha256(bytes) != hash) return Corruption("chunk " + hash.Short() + ": the bytes received do not have its hash");
  kv::WriteBatch batch;
  Put(hash, bytes, batch);
  return store_.Write(batch, kv::Durability::kBuffered);
}

void ChunkTable::Put(const Hash256& hash, std::string_view bytes, kv::WriteBatch& batch) const {
  batch.Put(family_, std::string(hash.View()), std::string(bytes));
}

Result<std::string> ChunkTable::ReadObject(const format::ObjectRef& object) const {
  std::string bytes;
  for (size_t i = 0; i < object.chunks.size(); ++i) {
    PERENNIAL_ASSIGN_OR_RETURN(const std::string chunk, Read(object.chunks[i]));
    const bool last = i + 1 == object.chunks.size();
    if (last ? chunk.size() > object.chunk_size : chunk.size() != object.chunk_size) {
      return Corruption("object: chunk " + object.chunks[i].Short() + " has " + std::to_string(chunk.size()) +
                        " bytes where the manifest says " + std::to_string(object.chunk_size));
    }
    bytes += chunk;
  }
  if (bytes.size() == object.bytes) return bytes;
  return Corruption("object: its chunks have " + std::to_string(bytes.size()) + " bytes, the manifest says " +
                    std::to_string(object.bytes));
}

Result<uint64_t> ChunkTable::DropAllBut(const HashSet& keep, kv::WriteBatch& batch) const {
  uint64_t freed = 0;
  const std::unique_ptr<kv::Iterator> chunk = store_.NewIterator(family_);
  for (chunk->SeekToFirst(); chunk->Valid(); chunk->Next()) {
    const Result<Hash256> hash = Hash256::FromBytes(chunk->key());
    if (hash.ok() && keep.contains(*hash)) continue;
    freed += chunk->value().size();
    batch.Delete(family_, std::string(chunk->key()));
  }
  PERENNIAL_RETURN_IF_ERROR(chunk->status());
  return freed;
}

void AddChunks(const format::Manifest& manifest, HashSet& chunks) {
  for (const format::ObjectRef& object : manifest.objects) chunks.insert(object.chunks.begin(), object.chunks.end());
}

}  // namespace perennial::versions
