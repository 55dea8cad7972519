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

// The drop that the evidence is sure of.
double ProvenDrop(const Score& before, const Score& now, const GateOptions& options) {
  const double drop = before.Accuracy() - now.Accuracy();
  if (std::min(before.samples, now.samples) >= options.exact_samples) return drop;
  return drop - options.confidence_z * std::sqrt(Variance(before) + Variance(now));
}

}  // namespace

GateDecision DecideGate(const std::map<std::string, Score>& published, const std::map<std::string, Score>& candidate,
                        const GateOptions& options) {
  if (published.empty()) return {true, "first version: nothing was published before"};
  std::string gained, unclear;
  for (const auto& [slice, now] : candidate) {
    if (now.samples == 0) continue;
    const auto old = published.find(slice);
    if (old == published.end() || old->second.samples == 0) {
      gained += (gained.empty() ? "" : "; ") + ("new slice \"" + slice + "\" at ") + Percent(now.Accuracy());
      continue;
    }
    const Score& before = old->second;
    if (now.samples < options.gain_samples && now.samples > before.samples) {
      unclear += (unclear.empty() ? "" : "; ") + ("slice \"" + slice + "\" has only ") + std::to_string(now.samples) +
                 " held-out samples yet, too few to tell a gain";
    }
    if (ProvenDrop(before, now, options) > options.largest_drop) {
      const bool exact = std::min(before.samples, now.samples) >= options.exact_samples;
      return {false, "refused: " + Change(slice, before, now) + ", more than " + Percent(options.largest_drop) +
                         " lower" + (exact ? "" : " with 95 % confidence")};
    }
    if (now.Accuracy() > before.Accuracy()) gained += (gained.empty() ? "" : "; ") + Change(slice, before, now);
  }
  if (gained.empty()) gained = unclear;
  if (gained.empty()) return {false, "refused: nothing was gained on any slice since the last published version"};
  return {true, "accepted: no old slice fell by more than " + Percent(options.largest_drop) + "; " + gained};
}

}  // namespace perennial::trainer
