#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "api/quickstart/exam.h"
#include "api/quickstart/watcher.h"
#include "storage/base/status.h"

namespace perennial::quickstart {

// One evaluation of one trainer, as GET /api/v1/evaluations gives it.
struct CurvePoint {
  uint64_t trained_until = 0;
  uint64_t version = 0;
  bool accepted = false;
  std::map<std::string, double> accuracy;           // by slice
  std::map<std::string, double> balanced_accuracy;  // by slice
};

struct VersionBytes {
  uint64_t version = 0;
  uint64_t snapshot_bytes = 0;
  uint64_t delta_bytes = 0;  // what nodes load, from the last stable version; 0: none was shipped
  uint64_t fp32_bytes = 0;
  std::string fate;
};

// All figures of a run.
struct Outcome {
  std::vector<std::string> slices;
  std::vector<SliceScore> served;                  // final exam, by slice
  std::map<std::string, std::vector<CurvePoint>> curves;  // "main" and "naive"
  std::vector<VersionBytes> versions;
  std::vector<double> label_to_live_s;             // one per acknowledged batch that went live, ascending
  std::vector<RequestRecord> requests;             // live traffic of both edges
  uint64_t samples_fed = 0, samples_quarantined = 0, samples_not_live = 0;
  uint64_t swaps = 0, failed_requests = 0, mixed_version_responses = 0;
  double average_accuracy = 0, balanced_accuracy = 0, forgetting = 0;
  double naive_average_accuracy = 0, naive_balanced_accuracy = 0, naive_forgetting = 0;
  double label_to_live_p50_s = 0;
  double snapshot_bytes = 0, delta_bytes_mean = 0;
  uint64_t fp32_bytes = 0;
  uint64_t refused_candidates = 0;
  double latency_p50_ms = 0, latency_p99_ms = 0;
  double wall_s = 0;
};

// Everything that was measured, before it is summed up.
struct Measurements {
  const Dataset& dataset;
  const std::vector<RequestRecord>& exam;
  std::vector<const Traffic*> traffic;
  const Feeder& feeder;
  const FeedProgress& progress;
  const Watcher& watcher;
  double wall_s = 0;
};

// Asks the hub at `client` for evaluations and versions and computes all figures.
Result<Outcome> SumUp(const Measurements& measured, http::Client& client);

// One JSON object: the keys of the project's must-show list and more.
std::string OutcomeJson(const Outcome& outcome);
// The final table for people.
std::string OutcomeTable(const Outcome& outcome);
// requests.jsonl and exam.jsonl in `folder`: one line per request: time, id, version, predicted, true.
Status DumpRecords(const Measurements& measured, const Outcome& outcome, const std::string& folder);

}  // namespace perennial::quickstart
