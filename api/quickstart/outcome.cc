#include "api/quickstart/outcome.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/quickstart/hub_api.h"
#include "api/quickstart/live_delay.h"
#include "api/quickstart/version_check.h"

namespace perennial::quickstart {
namespace {

using nlohmann::json;

Status ReadCurves(http::Client& client, Outcome& outcome) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::string body, GetBody(client, "/api/v1/evaluations?limit=10000"));
  const json answer = json::parse(body, nullptr, false);
  if (!answer.is_object() || !answer.contains("trainers")) return Internal("evaluations: " + body.substr(0, 200));
  for (const auto& [name, records] : answer["trainers"].items()) {
    for (const json& record : records) {
      CurvePoint& point = outcome.curves[name].emplace_back();
      point.trained_until = record.value("trained_until", uint64_t{0});
      point.version = record.value("version", uint64_t{0});
      point.accepted = record.value("accepted", false);
      for (const json& slice : record["slices"]) {
        point.accuracy[slice.value("slice", "")] = slice.value("accuracy", 0.0);
        point.balanced_accuracy[slice.value("slice", "")] = slice.value("balanced_accuracy", 0.0);
      }
      if (name == "main" && !point.accepted) ++outcome.refused_candidates;
    }
  }
  return Status::Ok();
}

Status ReadVersions(http::Client& client, Outcome& outcome) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::string body, GetBody(client, "/api/v1/versions?limit=1000"));
  const json answer = json::parse(body, nullptr, false);
  if (!answer.is_object() || !answer.contains("versions")) return Internal("versions: " + body.substr(0, 200));
  uint64_t deltas = 0;
  for (const json& item : answer["versions"]) {
    VersionBytes& version = outcome.versions.emplace_back();
    version.version = item.value("version", uint64_t{0});
    version.snapshot_bytes = item.value("snapshot_bytes", uint64_t{0});
    version.delta_bytes = item.value("delta_bytes", uint64_t{0});
    version.fp32_bytes = item.value("fp32_bytes", uint64_t{0});
    version.fate = item.value("fate", "");
    outcome.snapshot_bytes += static_cast<double>(version.snapshot_bytes);
    outcome.fp32_bytes = std::max(outcome.fp32_bytes, version.fp32_bytes);
    if (version.delta_bytes == 0) continue;
    ++deltas;
    outcome.delta_bytes_mean += static_cast<double>(version.delta_bytes);
  }
  if (!outcome.versions.empty()) outcome.snapshot_bytes /= static_cast<double>(outcome.versions.size());
  if (deltas > 0) outcome.delta_bytes_mean /= static_cast<double>(deltas);
  return Status::Ok();
}

double MeanOf(const std::vector<SliceScore>& scores, double SliceScore::*field) {
  double sum = 0;
  for (const SliceScore& score : scores) sum += score.*field;
  return scores.empty() ? 0 : sum / static_cast<double>(scores.size());
}

// Best accuracy a slice ever had on the curve; only versions that went out count for the main trainer.
double BestOf(const std::vector<CurvePoint>& curve, const std::string& slice, bool published_only) {
  double best = 0;
  for (const CurvePoint& point : curve) {
    if (published_only && point.version == 0) continue;
    if (const auto found = point.accuracy.find(slice); found != point.accuracy.end())
      best = std::max(best, found->second);
  }
  return best;
}

void SumUpAccuracy(Outcome& outcome) {
  const auto slices = static_cast<double>(outcome.slices.size());
  outcome.average_accuracy = MeanOf(outcome.served, &SliceScore::accuracy);
  outcome.balanced_accuracy = MeanOf(outcome.served, &SliceScore::balanced_accuracy);
  const std::vector<CurvePoint>& naive = outcome.curves["naive"];
  for (size_t i = 0; i < outcome.slices.size(); ++i) {
    const std::string& slice = outcome.slices[i];
    const double best = BestOf(outcome.curves["main"], slice, true);
    outcome.forgetting += std::max(0.0, best - outcome.served[i].accuracy) / slices;
    if (naive.empty()) continue;
    const auto last = naive.back().accuracy.find(slice);
    const double now = last == naive.back().accuracy.end() ? 0 : last->second;
    const auto balanced = naive.back().balanced_accuracy.find(slice);
    outcome.naive_average_accuracy += now / slices;
    outcome.naive_balanced_accuracy +=
        (balanced == naive.back().balanced_accuracy.end() ? 0 : balanced->second) / slices;
    outcome.naive_forgetting += std::max(0.0, BestOf(naive, slice, false) - now) / slices;
  }
}

void SumUpRequests(const Measurements& measured, Outcome& outcome) {
  std::vector<double> latencies;
  for (const Traffic* traffic : measured.traffic) {
    outcome.requests.insert(outcome.requests.end(), traffic->records().begin(), traffic->records().end());
  }
  std::sort(outcome.requests.begin(), outcome.requests.end(),
            [](const RequestRecord& a, const RequestRecord& b) { return a.time_s < b.time_s; });
  for (const RequestRecord& record : outcome.requests) {
    if (record.ok)
      latencies.push_back(record.latency_ms);
    else
      ++outcome.failed_requests;
  }
  for (const RequestRecord& record : measured.exam) outcome.failed_requests += record.ok ? 0 : 1;
  outcome.mixed_version_responses = CountMixedVersions(outcome.requests, measured.exam);
  if (latencies.empty()) return;
  std::sort(latencies.begin(), latencies.end());
  outcome.latency_p50_ms = latencies[latencies.size() / 2];
  outcome.latency_p99_ms = latencies[std::min(latencies.size() - 1, latencies.size() * 99 / 100)];
}

}  // namespace

Result<Outcome> SumUp(const Measurements& measured, http::Client& client) {
  Outcome outcome;
  for (const SliceData& slice : measured.dataset.slices) outcome.slices.push_back(slice.name);
  outcome.served = ScoreExam(measured.dataset, measured.exam);
  PERENNIAL_RETURN_IF_ERROR(ReadCurves(client, outcome));
  PERENNIAL_RETURN_IF_ERROR(ReadVersions(client, outcome));
  outcome.samples_fed = measured.progress.samples;
  outcome.samples_quarantined = measured.progress.quarantined;
  outcome.swaps = measured.watcher.swaps();
  outcome.wall_s = measured.wall_s;
  SumUpAccuracy(outcome);
  LiveDelays delays = DelaysOf(measured.feeder.acknowledged(), measured.watcher.live());
  outcome.label_to_live_s = std::move(delays.seconds);
  outcome.label_to_live_p50_s = delays.p50_s;
  outcome.samples_not_live = delays.samples_not_live;
  SumUpRequests(measured, outcome);
  return outcome;
}

}  // namespace perennial::quickstart
