#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "api/bench/continual_stream.h"

namespace perennial::bench {

// The figures of one seed. Accuracies are on the test parts, 0 to 1, means over slices.
struct ContinualFigures {
  double average_accuracy = 0;   // of the last version that the gate let pass: what is served
  double network_accuracy = 0;   // of the network at the end of the stream, as it would ship
  double balanced_accuracy = 0;  // of the same, classes weighted equally
  double anytime_accuracy = 0;   // mean over candidates, over the slices seen so far
  // Least over candidates of the mean over slices whose part is over; NaN where no part ends before the stream does.
  double worst_old_accuracy = std::numeric_limits<double>::quiet_NaN();
  double forgetting = 0;  // mean over slices of best over all candidates less final
  double backward_transfer = 0;
  std::map<std::string, double> per_slice;  // of the network at the end
  uint64_t versions_published = 0;
  uint64_t refused = 0;
  double train_s = 0;  // steps only
  double samples_per_s = 0;
  uint64_t buffer_bytes = 0;
};

// One pass over the stream with a real OnlineTrainer on a log in memory. Predictions of the final network are appended
// to `dump` (a path) unless it is empty.
Result<ContinualFigures> RunSeed(const ContinualStream& stream, const ContinualOptions& options, uint64_t seed,
                                 const std::string& dump);

}  // namespace perennial::bench
