#include "trainer/step_schedule.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <unordered_map>

namespace perennial::trainer {

Status StepScheduleOptions::Validate() const {
  constexpr uint64_t kMost = 1000;
  if (least < 1 || least > kMost) {
    return InvalidArgument("steps_per_batch is " + std::to_string(least) + ", not 1 to " + std::to_string(kMost));
  }
  if (most < least || most > kMost) {
    return InvalidArgument("most_steps_per_batch is " + std::to_string(most) + ", not " + std::to_string(least) +
                           " (steps_per_batch) to " + std::to_string(kMost));
  }
  if (!(label_samples >= 0 && std::isfinite(label_samples))) {
    return InvalidArgument("label_samples is " + std::to_string(label_samples) + ", not 0 or more",
                           "use 0 for the same number of steps for every batch");
  }
  return Status::Ok();
}

uint64_t StepSchedule::StepsFor(const std::vector<int64_t>& labels) const {
  if (labels.empty() || options_.label_samples == 0) return options_.least;
  const auto least = static_cast<double>(options_.least);
  const auto most = static_cast<double>(options_.most);
  std::unordered_map<int64_t, uint64_t> here;  // samples of the batch before this one
  double wanted = 0;
  for (const int64_t label : labels) {
    const auto index = static_cast<size_t>(label);
    const uint64_t before = (index < seen_.size() ? seen_[index] : 0) + here[label]++;
    wanted += std::clamp(options_.label_samples / (1 + static_cast<double>(before)), least, most);
  }
  return static_cast<uint64_t>(std::llround(wanted / static_cast<double>(labels.size())));
}

void StepSchedule::Note(const std::vector<int64_t>& labels) {
  for (const int64_t label : labels) {
    const auto index = static_cast<size_t>(label);
    if (index >= seen_.size()) seen_.resize(index + 1, 0);
    ++seen_[index];
  }
}

void StepSchedule::Forget(const std::vector<int64_t>& labels) {
  for (const int64_t label : labels) {
    const auto index = static_cast<size_t>(label);
    if (index < seen_.size() && seen_[index] > 0) --seen_[index];
  }
}

}  // namespace perennial::trainer
