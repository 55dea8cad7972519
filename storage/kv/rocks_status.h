#pragma once

#include <rocksdb/status.h>

#include <string_view>

#include "storage/base/status.h"

namespace perennial::kv {

// RocksDB's status in our words, `what` first: "write batch: no space left on device".
Status FromRocks(const rocksdb::Status& status, std::string_view what);

}  // namespace perennial::kv
