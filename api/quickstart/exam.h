#pragma once

#include <string>
#include <vector>

#include "api/quickstart/traffic.h"
#include "storage/base/status.h"

namespace perennial::quickstart {

// The final exam: every sample of every test part is sent once, over HTTP, to the edges (in turn, on one thread per edge), so the accuracy is that of what is
// served and not of what the trainer holds. Records come in the order slice, sample. An answer that fails is a wrong answer.
Result<std::vector<RequestRecord>> TakeExam(const Dataset& dataset, const std::vector<std::string>& edge_urls,
                                            SteadyTime began, SteadyTime deadline);

struct SliceScore {
  double accuracy = 0;
  double balanced_accuracy = 0;  // mean recall over the classes of the slice's test part
  uint64_t samples = 0;
};
// Scores by slice of the dataset.
std::vector<SliceScore> ScoreExam(const Dataset& dataset, const std::vector<RequestRecord>& records);

}  // namespace perennial::quickstart
