#include <cstdio>
#include <string>

#include "updater/proportion.h"
#include "updater/rollout.h"

namespace perennial::updater {
namespace {

std::string Percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", 100 * share);
  return text;
}

std::string Share(const Proportion& p) {
  return Percent(p.Estimate()) + " (" + std::to_string(p.hits) + " of " + std::to_string(p.total) + ")";
}

Decision RollBack(std::string reason) { return {Verdict::kRollBack, std::move(reason)}; }
Decision Continue(std::string reason) { return {Verdict::kContinue, std::move(reason)}; }

// The arms as shares, so that each rule below reads as one comparison.
struct Shares {
  Proportion errors_stable, errors_candidate, right_stable, right_candidate;
};

Shares SharesOf(const ArmCounts& stable, const ArmCounts& candidate) {
  return {{stable.errors, stable.requests},
          {candidate.errors, candidate.requests},
          {stable.feedback_correct, stable.feedback},
          {candidate.feedback_correct, candidate.feedback}};
}

// How sure we are that the candidate fails more often. Without a control (the candidate has all traffic) the control
// counts as faultless.
double ErrorIncreaseLower(const Shares& s) {
  if (s.errors_stable.total == 0) return WilsonLower(s.errors_candidate);
  return DifferenceLower(s.errors_candidate, s.errors_stable);
}

}  // namespace

Decision Decide(const ArmCounts& stable, const ArmCounts& candidate, Duration trial_age, const CanaryOptions& options) {
  if (candidate.nan_outputs > 0) {
    return RollBack(std::to_string(candidate.nan_outputs) + " answers of the candidate were not finite");
  }
  const Shares s = SharesOf(stable, candidate);
  if (candidate.requests >= options.guard_requests && ErrorIncreaseLower(s) > options.max_error_rate_increase) {
    return RollBack("error rate " + Share(s.errors_candidate) + " against " + Share(s.errors_stable) +
                    " of the stable version");
  }
  // Accuracy is compared on labelled answers only, and needs a control: without one a hard task looks like a bad
  // version.
  const bool comparable = s.right_stable.total > 0 && s.right_candidate.total > 0;
  if (candidate.requests >= options.guard_requests && candidate.feedback >= options.guard_requests && comparable &&
      DifferenceLower(s.right_stable, s.right_candidate) > options.max_accuracy_drop) {
    return RollBack("accuracy by feedback " + Share(s.right_candidate) + " against " + Share(s.right_stable) +
                    " of the stable version");
  }
  if (trial_age >= options.deadline) {
    return RollBack("inconclusive: " + std::to_string(candidate.requests) + " requests and " +
                    std::to_string(candidate.feedback) + " labels by the deadline");
  }
  if (candidate.requests < options.min_requests) return Continue("too few requests");
  if (candidate.feedback < options.min_feedback) return Continue("too few labels");
  // Past a threshold but not yet surely: more evidence will tell, a promotion would not wait for it.
  if (s.errors_candidate.Estimate() - s.errors_stable.Estimate() > options.max_error_rate_increase) {
    return Continue("the error rate looks worse, not yet surely");
  }
  if (comparable && s.right_stable.Estimate() - s.right_candidate.Estimate() > options.max_accuracy_drop) {
    return Continue("the accuracy looks worse, not yet surely");
  }
  return {Verdict::kPromote, "after " + std::to_string(candidate.requests) + " requests: errors " +
                                 Share(s.errors_candidate) + " against " + Share(s.errors_stable) + ", accuracy " +
                                 Share(s.right_candidate) + " against " + Share(s.right_stable)};
}

Status CanaryOptions::Validate() const {
  if (weight_permille == 0 || weight_permille > 1000) {
    return InvalidArgument("canary weight " + std::to_string(weight_permille) + " is not 1 to 1000 permille");
  }
  if (!(max_error_rate_increase >= 0 && max_error_rate_increase <= 1)) {
    return InvalidArgument("canary max_error_rate_increase is not within 0 and 1");
  }
  if (!(max_accuracy_drop >= 0 && max_accuracy_drop <= 1)) {
    return InvalidArgument("canary max_accuracy_drop is not within 0 and 1");
  }
  if (deadline <= Duration::zero()) return InvalidArgument("canary deadline must be positive");
  return Status::Ok();
}

}  // namespace perennial::updater
