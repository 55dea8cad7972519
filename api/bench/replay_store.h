#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "api/bench/raw_records.h"
#include "storage/base/status.h"

namespace perennial::bench {

// The replay memory alone, without a network.

struct FetchFigures {
  double cached_per_s = 0;  // examples drawn and copied into a batch, decoded ones in the cache
  double disk_per_s = 0;    // the same with no cache: read from RocksDB and unpacked
  double memcpy_ratio = 0;  // bytes per second of the former over a memcpy of as many bytes into the same batch
};
// 28x28 pictures of strokes, packed, 64 a draw; in turns, medians.
Result<FetchFigures> MeasureFetch(uint64_t examples, uint64_t rounds, uint64_t seed, RawRecords& records);

struct InsertFigures {
  double small_p99_us = 0;  // of Add into a full memory
  double large_p99_us = 0;
  double ratio = 0;           // median over the turns of large p99 / small p99
  double bytes_per_item = 0;  // resident, of the large memory; what the pending checkpoint takes is in it
  double rss_ratio = 0;       // resident bytes of the program after the turns over before: 1 when memory is flat
};
// Class-balanced memories of tiny examples, on a store that keeps nothing (an insert touches memory only, and what is
// measured is the memory's own room): `small` examples of small / 100 classes, and `large` ones of
// large / 100 classes. Filled, then in turns.
Result<InsertFigures> MeasureInsert(uint64_t small, uint64_t large, uint64_t turns, uint64_t seed, RawRecords& records);

// Bytes a picture of the data in `path` takes, by payload kind; at most `most` pictures, at their own size.
Result<std::map<std::string, double>> MeasurePayloads(const std::string& path, uint64_t most);

}  // namespace perennial::bench
