#include "trainer/offset_fit.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace perennial::trainer {
namespace {

using Score = PublishedRecord::SliceScore;

constexpr double kLargestOffset = 20;  // of logits; beyond, the newest labels are as good as absent

// The scores of all slices while samples change their answer one at a time.
class Sweep {
 public:
  Sweep(const std::vector<Score>& before, const GateOptions& options)
      : before_(before), options_(options), now_(before.size()), flips_(before.size()), broken_(before.size()) {}

  void Start(const OffsetSample& sample) {
    ++now_[sample.slice].samples;
    Count(sample, sample.old_right, 1);
  }
  void Begin() {
    for (size_t i = 0; i < now_.size(); ++i) {
      if (now_[i].samples > 0) ++slices_;
      sum_ += now_[i].Accuracy();
      Refresh(i);
    }
  }
  // From the old group's answer to the new group's.
  void Flip(const OffsetSample& sample) {
    sum_ -= now_[sample.slice].Accuracy();
    Count(sample, sample.old_right, -1);
    Count(sample, sample.new_right, 1);
    sum_ += now_[sample.slice].Accuracy();
    Refresh(sample.slice);
  }
  bool Holds() const { return broken_count_ == 0; }
  double Mean() const { return slices_ == 0 ? 0 : sum_ / static_cast<double>(slices_); }

 private:
  void Count(const OffsetSample& sample, bool right, int by) {
    const auto add = static_cast<uint64_t>(by);  // wraps around for -1, as unsigned arithmetic does
    if (right) now_[sample.slice].correct += add;
    if (right && !sample.right_before) flips_[sample.slice].won += add;
    if (!right && sample.right_before) flips_[sample.slice].lost += add;
  }
  void Refresh(size_t slice) {
    const bool broken = before_[slice].samples > 0 && now_[slice].samples > 0 &&
                        ProvenDrop(before_[slice], now_[slice], &flips_[slice], options_) > options_.largest_drop;
    if (broken != broken_[slice]) broken ? ++broken_count_ : --broken_count_;
    broken_[slice] = broken;
  }

  const std::vector<Score>& before_;
  const GateOptions& options_;
  std::vector<Score> now_;
  std::vector<SliceFlips> flips_;
  std::vector<bool> broken_;
  size_t broken_count_ = 0;
  size_t slices_ = 0;
  double sum_ = 0;
};

// The smallest change within an interval of offsets (low, high] that all answer alike.
double Nearest(double low, double high) {
  if (low < 0 && high >= 0) return 0;
  const double middle = (low + high) / 2;
  const double inwards = high < 0 ? std::max(middle, high - 0.05) : std::min(middle, low + 0.05);
  return inwards;
}

}  // namespace

OffsetFit FitOffset(std::vector<OffsetSample> samples, const std::vector<Score>& before, const GateOptions& options,
                    bool least) {
  // A sample answers with the new group from the offset -margin on: largest margins first.
  std::sort(samples.begin(), samples.end(),
            [](const OffsetSample& a, const OffsetSample& b) { return a.margin > b.margin; });
  Sweep sweep(before, options);
  for (const OffsetSample& sample : samples) sweep.Start(sample);
  sweep.Begin();
  OffsetFit best;
  const auto consider = [&](double from, double to) {
    const double low = std::max(from, -kLargestOffset), high = std::min(to, kLargestOffset);
    if (!sweep.Holds() || low >= high) return;
    const double offset = Nearest(low, high);
    constexpr double kRounding = 1e-12;
    const bool better = sweep.Mean() > best.mean + kRounding;
    const bool as_good = sweep.Mean() > best.mean - kRounding && std::fabs(offset) < std::fabs(best.offset);
    const bool nearer = std::fabs(offset) < std::fabs(best.offset);
    if (!best.found || (least ? nearer : better || as_good)) best = {true, offset, sweep.Mean()};
  };
  double low = -kLargestOffset;
  for (size_t i = 0; i < samples.size();) {
    const double flips_at = -static_cast<double>(samples[i].margin);
    consider(low, flips_at);
    for (low = flips_at; i < samples.size() && -static_cast<double>(samples[i].margin) == flips_at; ++i) {
      sweep.Flip(samples[i]);
    }
  }
  consider(low, kLargestOffset);
  return best;
}

}  // namespace perennial::trainer
