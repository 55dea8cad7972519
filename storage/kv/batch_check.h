#pragma once

#include "storage/base/status.h"
#include "storage/kv/kv_store.h"

namespace perennial::kv {

// What both stores refuse before they touch anything: a family they do not have, a range that ends before it begins.
// RocksDB would find the latter only after it is in the write-ahead log.
Status CheckBatch(const WriteBatch& batch, size_t family_count);

}  // namespace perennial::kv
