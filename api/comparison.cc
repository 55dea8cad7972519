#include "api/comparison.h"

#include <algorithm>

namespace perennial::api {
namespace {

// The slices of `of` that `other` was asked about too: mean and lowest accuracy.
void Summarise(const EvaluationRecord& of, const EvaluationRecord& other, double& mean, double& worst) {
  double sum = 0, lowest = 1;
  size_t count = 0;
  for (const EvaluationRecord::Slice& slice : of.slices) {
    const bool both = std::any_of(other.slices.begin(), other.slices.end(), [&](const EvaluationRecord::Slice& one) {
      return one.slice == slice.slice && one.samples > 0;
    });
    if (!both || slice.samples == 0) continue;
    sum += slice.accuracy;
    lowest = std::min(lowest, slice.accuracy);
    ++count;
  }
  mean = count == 0 ? 0 : sum / static_cast<double>(count);
  worst = count == 0 ? 0 : lowest;
}

Comparison CompareOne(const std::vector<EvaluationRecord>& main, const std::vector<EvaluationRecord>& shadow) {
  Comparison out;
  if (shadow.empty()) return out;
  const EvaluationRecord& newest = shadow.back();
  const auto served = std::find_if(main.rbegin(), main.rend(), [&](const EvaluationRecord& record) {
    return record.version.value != 0 && record.trained_until <= newest.trained_until;
  });
  if (served == main.rend()) return out;
  out.known = true;
  out.trained_until = newest.trained_until;
  out.forgetting = newest.forgetting;
  out.main_version = served->version;
  out.main_trained_until = served->trained_until;
  out.main_forgetting = served->forgetting;
  Summarise(newest, *served, out.average_accuracy, out.worst_slice_accuracy);
  Summarise(*served, newest, out.main_average_accuracy, out.main_worst_slice_accuracy);
  out.gain = out.main_average_accuracy - out.average_accuracy;
  return out;
}

}  // namespace

std::vector<Comparison> Compare(const std::map<std::string, std::vector<EvaluationRecord>>& evaluations,
                                const std::vector<std::string>& shadows) {
  const auto of = [&](const std::string& name) {
    const auto found = evaluations.find(name);
    return found == evaluations.end() ? std::vector<EvaluationRecord>() : found->second;
  };
  const std::vector<EvaluationRecord> main = of("main");
  std::vector<Comparison> out;
  for (const std::string& name : shadows) {
    out.push_back(CompareOne(main, of(name)));
    out.back().shadow = name;
  }
  return out;
}

}  // namespace perennial::api
