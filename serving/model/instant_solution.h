#pragma once

#include <cstdint>
#include <vector>

namespace perennial::model {

// A linear classifier on random features h: score_c = weight_c . (h - mean) + bias_c. A label without samples has
// zeros. Value type.
struct InstantSolution {
  int64_t features = 0;        // D
  std::vector<double> weight;  // [labels, D]
  std::vector<double> bias;    // [labels]
  std::vector<double> mean;    // [D]
  int64_t labels() const { return static_cast<int64_t>(bias.size()); }
};

}  // namespace perennial::model
