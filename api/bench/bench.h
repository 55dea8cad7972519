#pragma once

#include <cstdint>
#include <string>

#include "storage/base/status.h"

namespace perennial::bench {

// What every benchmark gets from the command line.
struct BenchOptions {
  std::string data;  // --data DIR; empty: generated data
  std::string dump;  // --dump DIR: raw records, one JSON line per request or prediction; empty: none
  uint64_t seed = 1;
  std::string device = "cuda";  // --device, of gpu-train
  bool quick = false;           // --quick: a tenth of the work, for smoke tests; its figures are not to be quoted
};

// One benchmark: runs and returns one JSON object (text). Progress goes to standard error.
struct Benchmark {
  const char* name;
  const char* summary;
  Result<std::string> (*run)(const BenchOptions& options);
};

// Each Run function lives in its own file of this folder.
Result<std::string> RunIngest(const BenchOptions& options);
Result<std::string> RunTrain(const BenchOptions& options);
Result<std::string> RunGpuTrain(const BenchOptions& options);
Result<std::string> RunModalities(const BenchOptions& options);
Result<std::string> RunSwap(const BenchOptions& options);
Result<std::string> RunReplay(const BenchOptions& options);
Result<std::string> RunCanarySmoke(const BenchOptions& options);
Result<std::string> RunNewClass(const BenchOptions& options);

// The same samples as RunIngest's, sent to a real hub's bulk endpoint: samples per second.
Result<double> HttpBulkPerSecond(const BenchOptions& options);

}  // namespace perennial::bench
