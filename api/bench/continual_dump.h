#pragma once

#include <cstdint>
#include <string>

#include "api/bench/continual_answers.h"
#include "api/bench/continual_stream.h"
#include "storage/base/status.h"

namespace perennial::bench {

// What one run left behind, as JSON lines from which scripts/recompute_continual.py computes every accuracy again
// (api/bench/continual_dump.md). Owned by the benchmark; thread-compatible.
class ContinualDump {
 public:
  static constexpr const char* kPredictions = "continual.jsonl";
  static constexpr const char* kCandidates = "continual_candidates.jsonl";
  static constexpr const char* kFigures = "continual.json";

  // Starts both files anew; an empty folder's name makes a dump that writes nothing. kIoError.
  static Result<ContinualDump> Create(const std::string& folder);
  Status AddSeed(const ContinualStream& stream, const ContinualRecord& record, uint64_t seed) const;
  // The printed JSON object.
  Status Finish(const std::string& figures) const;

 private:
  explicit ContinualDump(std::string folder) : folder_(std::move(folder)) {}
  std::string folder_;
};

}  // namespace perennial::bench
