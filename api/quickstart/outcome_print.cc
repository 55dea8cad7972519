#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "api/quickstart/outcome.h"
#include "storage/base/env.h"

namespace perennial::quickstart {
namespace {

using Json = nlohmann::ordered_json;

double Round(double value) { return std::isfinite(value) ? std::round(value * 1e4) / 1e4 : value; }

double LastAccuracy(const Outcome& outcome, const std::string& trainer, const std::string& slice) {
  const auto curve = outcome.curves.find(trainer);
  if (curve == outcome.curves.end() || curve->second.empty()) return 0;
  const auto found = curve->second.back().accuracy.find(slice);
  return found == curve->second.back().accuracy.end() ? 0 : found->second;
}

Json RecordJson(const RequestRecord& record, const Measurements& measured, const Outcome& outcome) {
  return {{"time", record.time_s},
          {"id", record.id},
          {"edge", "edge-" + std::to_string(record.edge + 1)},
          {"slice", outcome.slices[record.slice]},
          {"sample", measured.dataset.slices[record.slice].test[record.sample].id},
          {"version", record.version},
          {"ok", record.ok},
          {"predicted", record.predicted},
          {"true", *measured.dataset.slices[record.slice].test[record.sample].label},
          {"confidence", record.confidence},
          {"latency_ms", record.latency_ms},
          {"error", record.error}};
}

}  // namespace

std::string OutcomeJson(const Outcome& outcome) {
  Json slices = Json::array();
  for (size_t i = 0; i < outcome.slices.size(); ++i) {
    slices.push_back({{"slice", outcome.slices[i]},
                      {"samples", outcome.served[i].samples},
                      {"accuracy", Round(outcome.served[i].accuracy)},
                      {"balanced_accuracy", Round(outcome.served[i].balanced_accuracy)},
                      {"naive_accuracy", Round(LastAccuracy(outcome, "naive", outcome.slices[i]))}});
  }
  Json live = std::isfinite(outcome.label_to_live_p50_s) ? Json(Round(outcome.label_to_live_p50_s)) : Json(nullptr);
  const Json object = {{"samples_fed", outcome.samples_fed},
                       {"samples_quarantined", outcome.samples_quarantined},
                       {"versions_published", outcome.versions.size()},
                       {"refused_candidates", outcome.refused_candidates},
                       {"swaps", outcome.swaps},
                       {"requests", outcome.requests.size()},
                       {"failed_requests", outcome.failed_requests},
                       {"mixed_version_responses", outcome.mixed_version_responses},
                       {"average_accuracy", Round(outcome.average_accuracy)},
                       {"balanced_accuracy", Round(outcome.balanced_accuracy)},
                       {"forgetting", Round(outcome.forgetting)},
                       {"naive_average_accuracy", Round(outcome.naive_average_accuracy)},
                       {"naive_balanced_accuracy", Round(outcome.naive_balanced_accuracy)},
                       {"naive_forgetting", Round(outcome.naive_forgetting)},
                       {"label_to_live_p50_s", std::move(live)},
                       {"samples_not_live", outcome.samples_not_live},
                       {"snapshot_bytes", Round(outcome.snapshot_bytes)},
                       {"delta_bytes_mean", Round(outcome.delta_bytes_mean)},
                       {"fp32_bytes", outcome.fp32_bytes},
                       {"latency_p50_ms", Round(outcome.latency_p50_ms)},
                       {"latency_p99_ms", Round(outcome.latency_p99_ms)},
                       {"wall_s", Round(outcome.wall_s)},
                       {"per_slice", std::move(slices)}};
  return object.dump();
}

std::string OutcomeTable(const Outcome& outcome) {
  std::string text = "\nslice                 test   served  balanced     naive\n";
  char line[160];
  for (size_t i = 0; i < outcome.slices.size(); ++i) {
    std::snprintf(line, sizeof line, "%-20.20s %6llu   %6.3f    %6.3f    %6.3f\n", outcome.slices[i].c_str(),
                  static_cast<unsigned long long>(outcome.served[i].samples), outcome.served[i].accuracy,
                  outcome.served[i].balanced_accuracy, LastAccuracy(outcome, "naive", outcome.slices[i]));
    text += line;
  }
  std::snprintf(line, sizeof line, "%-20s          %6.3f    %6.3f    %6.3f\n", "average", outcome.average_accuracy,
                outcome.balanced_accuracy, outcome.naive_average_accuracy);
  text += line;
  std::snprintf(line, sizeof line, "%-20s          %6.3f              %6.3f\n\n", "forgetting", outcome.forgetting,
                outcome.naive_forgetting);
  text += line;
  std::snprintf(line, sizeof line, "samples fed %llu, versions %zu (%llu candidates refused), swaps %llu\n",
                static_cast<unsigned long long>(outcome.samples_fed), outcome.versions.size(),
                static_cast<unsigned long long>(outcome.refused_candidates),
                static_cast<unsigned long long>(outcome.swaps));
  text += line;
  std::snprintf(line, sizeof line, "requests %zu, failed %llu, mixed versions %llu, latency p50 %.1f ms, p99 %.1f ms\n",
                outcome.requests.size(), static_cast<unsigned long long>(outcome.failed_requests),
                static_cast<unsigned long long>(outcome.mixed_version_responses), outcome.latency_p50_ms,
                outcome.latency_p99_ms);
  text += line;
  std::snprintf(line, sizeof line, "bytes per update: delta %.0f, snapshot %.0f, fp32 %llu; label to live p50 %.1f s\n",
                outcome.delta_bytes_mean, outcome.snapshot_bytes, static_cast<unsigned long long>(outcome.fp32_bytes),
                outcome.label_to_live_p50_s);
  return text + line;
}

Status DumpRecords(const Measurements& measured, const Outcome& outcome, const std::string& folder) {
  PERENNIAL_RETURN_IF_ERROR(Env::Posix().CreateDirectories(folder));
  const auto write = [&](const char* name, const std::vector<RequestRecord>& records) {
    std::string lines;
    for (const RequestRecord& record : records) {
      lines += RecordJson(record, measured, outcome).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    }
    return Env::Posix().WriteFileAtomic(folder + "/" + name, lines, 0644);
  };
  PERENNIAL_RETURN_IF_ERROR(write("requests.jsonl", outcome.requests));
  return write("exam.jsonl", measured.exam);
}

}  // namespace perennial::quickstart
