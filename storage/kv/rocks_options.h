#pragma once

#include <rocksdb/options.h>

#include "storage/kv/kv_store.h"

namespace perennial::kv {

// How we run RocksDB; the reasons stand beside each setting.
rocksdb::DBOptions MakeDatabaseOptions(const KvOptions& options);
rocksdb::ColumnFamilyOptions MakeFamilyOptions(const KvOptions& options);

}  // namespace perennial::kv
