#pragma once

#include <array>
#include <cstdint>

#include "storage/base/mutex.h"

namespace perennial::monitor {

// How sure the answers were and how often rightly so. Thread-safe.
class ConfidenceStats {
 public:
  // Softmax of the top label, in [0, 1]; values outside are clamped.
  void AddAnswer(double confidence);
  // A true label came back for an answer of this confidence.
  void AddOutcome(double confidence, bool correct);
  void Reset();

  struct Summary {
    uint64_t answers = 0;
    double mean = 0;       // of the confidence
    double deviation = 0;  // its standard deviation (Welford's method)
    uint64_t outcomes = 0;
    // Expected calibration error: sum over bins of (n_b / n) * |accuracy_b - confidence_b|, ten equal bins (Naeini et
    // al., 2015).
    double calibration_error = 0;
  };
  Summary Summarise() const;

 private:
  static constexpr size_t kBins = 10;
  struct Bin {
    uint64_t count = 0;
    uint64_t correct = 0;
    double confidence_sum = 0;
  };
  mutable Mutex mutex_;
  uint64_t answers_ GUARDED_BY(mutex_) = 0;
  double mean_ GUARDED_BY(mutex_) = 0;
  double squares_ GUARDED_BY(mutex_) = 0;  // sum of squared distances from the mean
  std::array<Bin, kBins> bins_ GUARDED_BY(mutex_){};
};

}  // namespace perennial::monitor
