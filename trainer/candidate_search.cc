#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "trainer/candidate_instant.h"
#include "trainer/candidate_round.h"
#include "trainer/interpolation.h"

namespace perennial::trainer {
namespace {

// Places between the published weights and the network's that are evaluated, and the best of them that are then judged
// in full.
constexpr size_t kPlaces = 5;
constexpr size_t kJudged = 2;
constexpr double kLeastOffset = 0.005;  // of logits; below, it changes nothing

std::string NameOf(const std::string& target, double share, double offset) {
  std::string name = target;
  char text[48];
  if (share < 1) {
    std::snprintf(text, sizeof text, "interpolated %.2f", share);
    name = text + (target == "ema" ? std::string() : " to " + target);
  }
  if (std::fabs(offset) >= kLeastOffset) {
    std::snprintf(text, sizeof text, ", offset %.2f", offset);
    name += text;
  }
  return name;
}

// Where to look next, between 0 (what is published: it holds the rule and gains nothing) and 1 (the network): half way
// from the best place found to its neighbours, the wider gap first; from nothing found, ever closer to 0.
double NextShare(std::vector<double> tried, bool found, double best) {
  std::sort(tried.begin(), tried.end());
  if (!found) return tried.front() / 2;
  double low = 0, high = 1;
  for (const double share : tried) {
    if (share < best) low = std::max(low, share);
    if (share > best) high = std::min(high, share);
  }
  return best - low > high - best ? (low + best) / 2 : (best + high) / 2;
}

}  // namespace

// The best that can be made of one network's answers with an offset on the newest labels.
Result<CandidateMaker::Point> CandidateMaker::PointOf(const Round& round, double share, const Answers& answers) {
  std::vector<OffsetSample> samples;
  std::vector<PublishedRecord::SliceScore> before(round.held_out.size());
  const std::vector<std::string>& labels = round.request.labels;
  for (size_t i = 0; i < round.held_out.size(); ++i) {
    const bool old_slice = IsOldSlice(round.request.slices[i]);
    if (old_slice) PERENNIAL_RETURN_IF_ERROR(AnswerAsPublished(round.held_out[i].search));
    for (const Offset offset : round.held_out[i].search) {
      const auto answer = answers.find(offset.value);
      if (answer == answers.end()) continue;  // left out: its picture does not decode
      PERENNIAL_ASSIGN_OR_RETURN(const std::string truth, evaluator_.TrueLabel(offset));
      const auto right = [&](int64_t label, const std::vector<std::string>& names) {
        return label >= 0 && static_cast<size_t>(label) < names.size() && names[static_cast<size_t>(label)] == truth;
      };
      OffsetSample sample;
      sample.slice = i;
      sample.margin = answer->second.margin;
      sample.old_right = right(answer->second.old_label, labels);
      sample.new_right = right(answer->second.new_label, labels);
      if (const auto then = published_answers_.find(offset.value); old_slice && then != published_answers_.end()) {
        sample.right_before = right(then->second, published_->labels);
        ++before[i].samples;
        before[i].correct += sample.right_before ? 1 : 0;
      }
      samples.push_back(sample);
    }
  }
  return Point{share, FitOffset(std::move(samples), before, options_.gate, !round.new_labels.empty()), {}};
}

Result<CandidateMaker::Point> CandidateMaker::Explore(const Round& round, const model::Model& target, double share,
                                                      const Contender& network) {
  Interpolate(*published_model_, target, share, round.split, 0, *mixed_);
  PERENNIAL_ASSIGN_OR_RETURN(const model::QuantiseOutcome quantised, QuantiseFor(*mixed_, round.request));
  PERENNIAL_RETURN_IF_ERROR(LoadForEvaluation(quantised.image));
  if (round.instant != nullptr) return ExploreBlended(round, share, network.head->use());
  Answers answers;
  for (const Offsets& offsets : round.held_out) {
    PERENNIAL_RETURN_IF_ERROR(evaluator_.PredictSplit(*evaluated_, offsets.search, round.split, answers));
  }
  return PointOf(round, share, answers);
}

// How the head was used at a point, with what was found for the newest labels added.
model::InstantUse CandidateMaker::WithOffset(const Point& point, int64_t split, size_t labels) {
  model::InstantUse use = point.use;
  use.offset.resize(labels);
  for (auto c = static_cast<size_t>(split); c < labels; ++c) {
    use.offset[c] = std::clamp(use.offset[c] + static_cast<float>(point.fit.offset), -model::kLargestInstantOffset,
                               model::kLargestInstantOffset);
  }
  return use;
}

// Adds the best that it finds, best first, to `contenders`, whose first is the network `target`.
Status CandidateMaker::Search(const Round& round, const model::Model& target, std::vector<Contender>& contenders) {
  PERENNIAL_RETURN_IF_ERROR(AnswerAsPublished({}));
  PERENNIAL_ASSIGN_OR_RETURN(mixed_, model::Instantiate(*published_, options_.evaluation.device));
  mixed_->GrowLabels(static_cast<int64_t>(round.request.labels.size()), 0);
  const std::string name = contenders.front().name;
  std::vector<Point> found;
  std::vector<double> tried;
  const auto by_mean = [](const Point& a, const Point& b) { return a.fit.mean > b.fit.mean; };
  const auto note = [&](const Point& point) {
    tried.push_back(point.share);
    if (point.fit.found) found.push_back(point);
    std::stable_sort(found.begin(), found.end(), by_mean);
  };
  // The network itself with an offset costs no evaluation, but for what it says without its head.
  PERENNIAL_ASSIGN_OR_RETURN(const Point whole, round.instant != nullptr ? Explore(round, target, 1, contenders.front())
                                                                         : PointOf(round, 1, contenders.front().split));
  note(whole);
  for (size_t i = 0; i < kPlaces; ++i) {
    const double share = i == 0 ? 0.5 : NextShare(tried, !found.empty(), found.empty() ? 0 : found.front().share);
    PERENNIAL_ASSIGN_OR_RETURN(const Point point, Explore(round, target, share, contenders.front()));
    note(point);
  }
  for (size_t i = 0; i < std::min(kJudged, found.size()); ++i) {
    const double share = found[i].share, offset = found[i].fit.offset;
    // With a head the offset is on what both answer together.
    const bool head = round.instant != nullptr;
    Interpolate(*published_model_, target, share, round.split, head ? 0 : offset, *mixed_);
    const model::InstantUse use = WithOffset(found[i], round.split, round.request.labels.size());
    PERENNIAL_ASSIGN_OR_RETURN(contenders.emplace_back(),
                               Contend(*mixed_, NameOf(name, share, offset), round, head ? &use : nullptr));
    contenders.back().mixed = share < 1;
  }
  return Status::Ok();
}

}  // namespace perennial::trainer
