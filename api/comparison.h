#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "api/trainer_control.h"

namespace perennial::api {

// What the main trainer gains over one shadow on the same stream. Value type.
struct Comparison {
  std::string shadow;
  bool known = false;          // false: one of the two has no evaluation yet, and the figures below are 0
  uint64_t trained_until = 0;  // the shadow's newest evaluation: so much of the log it had read
  double average_accuracy = 0, forgetting = 0, worst_slice_accuracy = 0;
  // The main trainer's newest version published by that place of the log, be it stable, on trial or rolled back since:
  // while a trial lasts, what was learned after it is not counted. Evaluated on the same held-out samples, slice by
  // slice; only slices that both were asked about count.
  VersionId main_version;
  uint64_t main_trained_until = 0;
  double main_average_accuracy = 0, main_forgetting = 0, main_worst_slice_accuracy = 0;
  double gain = 0;  // main_average_accuracy - average_accuracy
};

// One for each name in `shadows`, from all trainers' evaluations (oldest first; the main trainer's are "main").
std::vector<Comparison> Compare(const std::map<std::string, std::vector<EvaluationRecord>>& evaluations,
                                const std::vector<std::string>& shadows);

}  // namespace perennial::api
