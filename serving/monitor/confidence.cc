#include "serving/monitor/confidence.h"

#include <algorithm>
#include <cmath>

namespace perennial::monitor {

void ConfidenceStats::AddAnswer(double confidence) {
  const double value = std::clamp(confidence, 0.0, 1.0);
  MutexLock lock(mutex_);
  ++answers_;
  const double distance = value - mean_;
  mean_ += distance / static_cast<double>(answers_);
  squares_ += distance * (value - mean_);
}

void ConfidenceStats::AddOutcome(double confidence, bool correct) {
  const double value = std::clamp(confidence, 0.0, 1.0);
  const size_t bin = std::min(static_cast<size_t>(value * kBins), kBins - 1);
  MutexLock lock(mutex_);
  ++bins_[bin].count;
  if (correct) ++bins_[bin].correct;
  bins_[bin].confidence_sum += value;
}

void ConfidenceStats::Reset() {
  MutexLock lock(mutex_);
  answers_ = 0;
  mean_ = 0;
  squares_ = 0;
  bins_ = {};
}

ConfidenceStats::Summary ConfidenceStats::Summarise() const {
  MutexLock lock(mutex_);
  Summary out;
  out.answers = answers_;
  out.mean = mean_;
  if (answers_ > 1) out.deviation = std::sqrt(squares_ / static_cast<double>(answers_ - 1));
  double error = 0;
  for (const Bin& bin : bins_) {
    out.outcomes += bin.count;
    error += std::abs(static_cast<double>(bin.correct) - bin.confidence_sum);
  }
  if (out.outcomes > 0) out.calibration_error = error / static_cast<double>(out.outcomes);
  return out;
}

}  // namespace perennial::monitor
