#include "storage/kv/rocks_options.h"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include "storage/kv/rocks_environment.h"

namespace perennial::kv {

rocksdb::DBOptions MakeDatabaseOptions(const KvOptions& options) {
  rocksdb::DBOptions database;
  database.create_if_missing = true;
  database.create_missing_column_families = true;
  database.paranoid_checks = true;
  // One checkpoint touches several families: what is flushed must be a consistent cut of all of them, or a log that
  // ends early would leave one family ahead of the others.
  database.atomic_flush = true;
  // A power cut can tear the tail of the log at any page. All that was acknowledged was synced and lies before the
  // tear, so the log is read up to there and the hub starts without help. (kTolerateCorruptedTailRecords refuses to
  // open when the pages of the tail reached the disk out of order.)
  database.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  database.max_total_wal_size = 4 * options.write_buffer_bytes;
  database.db_write_buffer_size = 2 * options.write_buffer_bytes;  // over all families
  database.max_background_jobs = 2;                                // a small machine shares its cores with the trainer
  database.bytes_per_sync = 1 << 20;  // even writes instead of a burst at the end of a file
  database.stats_dump_period_sec = 0;
  database.stats_persist_period_sec = 0;
  database.skip_stats_update_on_db_open = true;
  database.info_log = MakeRocksLogger();
  return database;
}

rocksdb::ColumnFamilyOptions MakeFamilyOptions(const KvOptions& options) {
  rocksdb::ColumnFamilyOptions family;
  family.write_buffer_size = options.write_buffer_bytes;
  family.target_file_size_base = 64u << 20;
  family.compression = rocksdb::kLZ4Compression;
  // Pictures, chunks and tensors live in blob files: a compaction then moves keys, not megabytes.
  family.enable_blob_files = true;
  family.min_blob_size = 2048;
  family.blob_compression_type = rocksdb::kNoCompression;  // they are compressed already
  family.enable_blob_garbage_collection = true;
  // Most look-ups of the duplicate index are for keys that are not there.
  family.memtable_prefix_bloom_size_ratio = 0.02;
  family.memtable_whole_key_filtering = true;
  rocksdb::BlockBasedTableOptions table;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.block_cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  table.format_version = 5;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return family;
}

}  // namespace perennial::kv
