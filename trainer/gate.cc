#include "trainer/gate.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace perennial::trainer {
namespace {

using Score = PublishedRecord::SliceScore;

std::string Percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", 100 * share);
  return text;
}

std::string Change(const std::string& slice, const Score& before, const Score& now) {
  return "slice \"" + slice + "\" went from " + Percent(before.Accuracy()) + " to " + Percent(now.Accuracy()) + " on " +
         std::to_string(now.samples) + " held-out samples";
}

double Variance(const Score& score) {
  if (score.samples == 0) return 0;
  return score.Accuracy() * (1 - score.Accuracy()) / static_cast<double>(score.samples);
}

double PairedVariance(uint64_t samples, const SliceFlips& flips) {
  const auto n = static_cast<double>(samples);
  const double lost = static_cast<double>(flips.lost), won = static_cast<double>(flips.won);
  return std::max(0.0, lost + won - (lost - won) * (lost - won) / n) / (n * n);
}

bool IsExact(const Score& before, const Score& now, const GateOptions& options) {
  return std::min(before.samples, now.samples) >= options.exact_samples;
}

// Null when the slice is new.
const Score* ScoreBefore(const SliceScores& published, const std::string& slice) {
  const auto old = published.find(slice);
  return old == published.end() || old->second.samples == 0 ? nullptr : &old->second;
}

const SliceFlips* FlipsOf(const SliceFlipCounts& flips, const std::string& slice) {
  const auto at = flips.find(slice);
  return at == flips.end() ? nullptr : &at->second;
}

void AddClause(std::string& text, const std::string& clause) { text += (text.empty() ? "" : "; ") + clause; }

// What speaks for a candidate that broke nothing.
struct Gains {
  std::string clear;    // new slices; old ones that rose
  std::string unclear;  // growing slices with few samples
  double mean_change = 0;
  bool new_slice = false;
};

Gains GainsOf(const SliceScores& published, const SliceScores& candidate, const SliceFlipCounts& flips,
              const GateOptions& options) {
  Gains gains;
  for (const auto& [slice, now] : candidate) {
    if (now.samples == 0) continue;
    const Score* before = ScoreBefore(published, slice);
    if (before == nullptr) {
      if (now.correct == 0) continue;  // there, but nothing of it is known yet
      gains.new_slice = true;
      AddClause(gains.clear, "new slice \"" + slice + "\" at " + Percent(now.Accuracy()));
      continue;
    }
    const SliceFlips* paired = FlipsOf(flips, slice);
    const bool grew = paired != nullptr ? paired->grew : now.samples > before->samples;
    if (now.samples < options.gain_samples && grew) {
      AddClause(gains.unclear, "slice \"" + slice + "\" has only " + std::to_string(now.samples) +
                                   " held-out samples yet, too few to tell a gain");
    }
    gains.mean_change += now.Accuracy() - before->Accuracy();
    if (now.Accuracy() > before->Accuracy()) AddClause(gains.clear, Change(slice, *before, now));
  }
  return gains;
}

}  // namespace

Status GateOptions::Validate() const {
  if (!(largest_drop >= 0 && largest_drop <= 1)) return InvalidArgument("largest_drop is not between 0 and 1");
  if (!(largest_decline >= 0 && largest_decline <= 1)) return InvalidArgument("largest_decline is not between 0 and 1");
  if (!(confidence_z >= 0 && confidence_z <= 10)) return InvalidArgument("confidence_z is not between 0 and 10");
  return Status::Ok();
}

double ProvenDrop(const Score& before, const Score& now, const SliceFlips* flips, const GateOptions& options) {
  const double drop = before.Accuracy() - now.Accuracy();
  if (now.samples == 0 || IsExact(before, now, options)) return drop;
  const double variance = flips != nullptr ? PairedVariance(now.samples, *flips) : Variance(before) + Variance(now);
  return drop - options.confidence_z * std::sqrt(variance);
}

std::string BrokenSlice(const SliceScores& published, const SliceScores& candidate, const SliceFlipCounts& flips,
                        const GateOptions& options) {
  for (const auto& [slice, now] : candidate) {
    const Score* before = ScoreBefore(published, slice);
    if (now.samples == 0 || before == nullptr) continue;
    if (ProvenDrop(*before, now, FlipsOf(flips, slice), options) > options.largest_drop) {
      return Change(slice, *before, now) + ", more than " + Percent(options.largest_drop) + " lower" +
             (IsExact(*before, now, options) ? "" : " with 95 % confidence");
    }
  }
  return {};
}

GateDecision DecideGate(const SliceScores& published, const SliceScores& candidate, const SliceFlipCounts& flips,
                        const GateOptions& options, const std::vector<std::string>& new_labels,
                        const std::string& owed) {
  if (published.empty()) return {true, "first version: nothing was published before"};
  if (const std::string broken = BrokenSlice(published, candidate, flips, options); !broken.empty()) {
    return {false, "refused: " + broken};
  }
  Gains gains = GainsOf(published, candidate, flips, options);
  for (const std::string& label : new_labels)
    AddClause(gains.clear, "label \"" + label + "\", which the network does not know yet");
  if (!owed.empty()) AddClause(gains.clear, owed);
  // Sums of the same shares in another order differ in the last bits.
  constexpr double kRounding = 1e-12;
  const bool gained = gains.new_slice || !new_labels.empty() || !owed.empty() || gains.mean_change > kRounding;
  if (!gained && gains.unclear.empty()) {
    return {false, gains.clear.empty()
                       ? "refused: nothing was gained on any slice since the last published version"
                       : "refused: nothing was gained: the mean over slices did not rise, though " + gains.clear};
  }
  return {true, "accepted: no old slice fell by more than " + Percent(options.largest_drop) + "; " +
                    (gained ? gains.clear : gains.unclear)};
}

std::string DeclineWarning(const SliceScores& peak, const SliceScores& candidate, const GateOptions& options) {
  std::string warning;
  for (const auto& [slice, now] : candidate) {
    const Score* best = ScoreBefore(peak, slice);
    if (now.samples == 0 || best == nullptr) continue;
    if (ProvenDrop(*best, now, nullptr, options) <= options.largest_decline) continue;
    AddClause(warning, "slice \"" + slice + "\" is at " + Percent(now.Accuracy()) +
                           ", its best since the labels last grew was " + Percent(best->Accuracy()));
  }
  return warning;
}

}  // namespace perennial::trainer
