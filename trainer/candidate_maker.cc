#include "trainer/candidate_maker.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "trainer/candidate_instant.h"
#include "trainer/candidate_round.h"
#include "trainer/interpolation.h"

namespace perennial::trainer {
namespace {

// Mean accuracy over slices by which the student must lead its average to be shipped, and the same in standard errors
// of the average's. The average unless the student is clearly better: it moves less from version to version, so its
// deltas are smaller, and a change between the two costs a large one.
constexpr double kStudentMargin = 0.01;
constexpr double kStudentErrors = 1.0;

constexpr double kMaxSaturatedRatio = 0.001;  // of codes cut off by frozen scales

double MeanOver(size_t count, double sum) { return count == 0 ? 0 : sum / static_cast<double>(count); }

// Of the mean accuracy over slices.
double StandardError(const std::vector<PublishedRecord::SliceScore>& slices) {
  double variance = 0, counted = 0;
  for (const auto& slice : slices) {
    if (slice.samples == 0) continue;
    ++counted;
    variance += slice.Accuracy() * (1 - slice.Accuracy()) / static_cast<double>(slice.samples);
  }
  return counted == 0 ? 0 : std::sqrt(variance) / counted;
}

// The means over slices, from their metrics.
void Summarise(const std::string& current_slice, EvaluationReport& report) {
  double accuracy = 0, balanced = 0, forgetting = 0, transfer = 0;
  size_t counted = 0, transferred = 0;
  for (const SliceMetrics& slice : report.slices) {
    if (slice.samples == 0) continue;  // nothing held out of it yet
    ++counted;
    accuracy += slice.accuracy;
    balanced += slice.balanced_accuracy;
    forgetting += std::max(0.0, slice.best_accuracy - slice.accuracy);
    if (slice.slice != current_slice && std::isfinite(slice.learned_accuracy)) {
      ++transferred;
      transfer += slice.accuracy - slice.learned_accuracy;
    }
  }
  report.average_accuracy = MeanOver(counted, accuracy);
  report.average_balanced_accuracy = MeanOver(counted, balanced);
  report.forgetting = MeanOver(counted, forgetting);
  report.backward_transfer = MeanOver(transferred, transfer);
}

// Searching looks at no more samples of a slice than this; what it finds is then judged on all.
constexpr size_t kSearchSamples = 1000;

}  // namespace

Result<std::vector<CandidateMaker::Offsets>> CandidateMaker::HeldOut(const Request& request) const {
  const size_t most = request.max_per_slice;
  const size_t searched = most == 0 ? kSearchSamples : std::min(most, kSearchSamples);
  std::vector<Offsets> all;
  for (const std::string& slice : request.slices) {
    Offsets offsets;
    PERENNIAL_ASSIGN_OR_RETURN(offsets.gate, evaluator_.GateOffsets(slice, most));
    PERENNIAL_ASSIGN_OR_RETURN(offsets.search, evaluator_.GateOffsets(slice, searched));
    PERENNIAL_ASSIGN_OR_RETURN(offsets.report, evaluator_.ReportOffsets(slice, most));
    all.push_back(std::move(offsets));
  }
  return all;
}

Status CandidateMaker::LoadForEvaluation(const format::VersionImage& image) {
  if (evaluated_ != nullptr && static_cast<size_t>(evaluated_->label_count()) <= image.labels.size()) {
    return model::LoadInto(image, *evaluated_);
  }
  PERENNIAL_ASSIGN_OR_RETURN(evaluated_, model::Instantiate(image, options_.evaluation.device));
  return Status::Ok();
}

Result<CandidateMaker::Contender> CandidateMaker::Contend(const model::Model& model, std::string name,
                                                          const Round& round, const model::InstantUse* use) {
  const Request& request = round.request;
  Contender contender;
  contender.name = std::move(name);
  PERENNIAL_ASSIGN_OR_RETURN(contender.quantised, QuantiseFor(model, request));
  PERENNIAL_RETURN_IF_ERROR(LoadForEvaluation(contender.quantised.image));
  if (round.instant != nullptr) {
    PERENNIAL_RETURN_IF_ERROR(AttachInstantTo(round, contender, use));
  } else {
    for (const Offsets& offsets : round.held_out) {
      PERENNIAL_RETURN_IF_ERROR(evaluator_.PredictSplit(*evaluated_, offsets.gate, round.split, contender.split));
    }
  }
  PERENNIAL_RETURN_IF_ERROR(ScoreOnGate(round, contender));
  PERENNIAL_RETURN_IF_ERROR(Judge(round, contender));
  return contender;
}

// Its answers to the gate's samples, as counts.
Status CandidateMaker::ScoreOnGate(const Round& round, Contender& contender) {
  size_t counted = 0;
  for (const auto& [offset, answer] : contender.split) contender.predictions[offset] = answer.Answer();
  for (const Offsets& offsets : round.held_out) {
    PERENNIAL_ASSIGN_OR_RETURN(const Evaluator::Score score,
                               evaluator_.ScoreOf(offsets.gate, contender.predictions, round.request.labels));
    contender.gate.push_back(score.counts);
    if (score.counts.samples == 0) continue;
    ++counted;
    contender.average += score.counts.Accuracy();
  }
  contender.average = MeanOver(counted, contender.average);
  return Status::Ok();
}

// Against the published version's answers to the same samples; where it is not known, against its scores.
Status CandidateMaker::Judge(const Round& round, Contender& contender) {
  SliceScores now;
  for (size_t i = 0; i < round.held_out.size(); ++i) now[round.request.slices[i]] = contender.gate[i];
  if (published_ == nullptr) {
    contender.decision = DecideGate(round.record.gate, now, {}, options_.gate, {}, round.request.owed);
    return Status::Ok();
  }
  SliceScores before;
  SliceFlipCounts flips;
  for (size_t i = 0; i < round.held_out.size(); ++i) {
    const std::string& slice = round.request.slices[i];
    if (!IsOldSlice(slice)) continue;
    PERENNIAL_ASSIGN_OR_RETURN(const Comparison both,
                               Compare(round.held_out[i].gate, contender.predictions, round.request.labels));
    before[slice] = both.before;
    flips[slice] = both.flips;
    const auto then = round.record.gate.find(slice);
    flips[slice].grew = then == round.record.gate.end() || then->second.samples < both.now.samples;
  }
  contender.decision = DecideGate(before, now, flips, options_.gate, round.new_labels, round.request.owed);
  return Status::Ok();
}

// What the gate accepts is looked at once more on the samples that the report is about, where those are others and
// enough for the rule to be exact: nobody shall find a version that broke it in what it reports.
Result<bool> CandidateMaker::Passes(const Round& round, Contender& contender) {
  if (!contender.decision.accepted) return false;
  if (published_ == nullptr) return true;
  PERENNIAL_RETURN_IF_ERROR(LoadForEvaluation(contender.quantised.image));
  SliceScores before, now;
  for (size_t i = 0; i < round.held_out.size(); ++i) {
    const std::string& slice = round.request.slices[i];
    const std::vector<Offset>& offsets = round.held_out[i].report;
    if (!IsOldSlice(slice) || offsets.size() < options_.gate.exact_samples) continue;
    PERENNIAL_RETURN_IF_ERROR(evaluator_.Predict(*evaluated_, offsets, Evaluator::Hide::kNothing, contender.predictions,
                                                 contender.head.get()));
    PERENNIAL_ASSIGN_OR_RETURN(const Comparison both, Compare(offsets, contender.predictions, round.request.labels));
    if (both.now.samples < options_.gate.exact_samples) continue;
    before[slice] = both.before;
    now[slice] = both.now;
  }
  contender.veto = BrokenSlice(before, now, {}, options_.gate);
  if (!contender.veto.empty()) contender.decision = {false, "refused: on the test part, " + contender.veto};
  return contender.veto.empty();
}

// Like a hub's sink it takes new scales when too many codes are cut off, but before the candidate is judged: by its cut
// weights it would be refused, and the next one, grown further, all the more.
Result<model::QuantiseOutcome> CandidateMaker::QuantiseFor(const model::Model& model, const Request& request) {
  PERENNIAL_ASSIGN_OR_RETURN(model::QuantiseOutcome quantised,
                             model::Quantise(model, request.labels, request.frozen, request.new_scale_set));
  if (request.frozen == nullptr || quantised.saturated_ratio <= kMaxSaturatedRatio) return quantised;
  return model::Quantise(model, request.labels, nullptr, request.new_scale_set);
}

// The one that ships, or the better of student and average with the reason why it does not. That one comes first.
Status CandidateMaker::Choose(const Round& round, std::vector<Contender>& contenders, size_t& chosen) {
  for (chosen = 0; chosen < contenders.size(); ++chosen) {
    PERENNIAL_ASSIGN_OR_RETURN(const bool passes, Passes(round, contenders[chosen]));
    if (passes) return Status::Ok();
  }
  chosen = 0;
  return Status::Ok();
}

Result<EvaluationReport> CandidateMaker::Report(const Round& round, Contender& contender, PublishedRecord& record) {
  const Request& request = round.request;
  PERENNIAL_RETURN_IF_ERROR(LoadForEvaluation(contender.quantised.image));
  EvaluationReport report;
  for (size_t i = 0; i < request.slices.size(); ++i) {
    const std::string& slice = request.slices[i];
    const std::vector<Offset>& offsets = round.held_out[i].report;
    PERENNIAL_RETURN_IF_ERROR(evaluator_.Predict(*evaluated_, offsets, Evaluator::Hide::kNothing, contender.predictions,
                                                 contender.head.get()));
    PERENNIAL_ASSIGN_OR_RETURN(const Evaluator::Score score,
                               evaluator_.ScoreOf(offsets, contender.predictions, request.labels));
    SliceMetrics metrics;
    metrics.slice = slice;
    metrics.samples = score.counts.samples;
    metrics.accuracy = score.counts.Accuracy();
    metrics.balanced_accuracy = score.balanced_accuracy;
    metrics.gate_samples = contender.gate[i].samples;
    metrics.gate_correct = contender.gate[i].correct;
    if (slice == request.current_slice && metrics.samples > 0) record.NoteLearned(slice, metrics.accuracy);
    const auto best = record.best.find(slice);
    metrics.best_accuracy = best == record.best.end() ? metrics.accuracy : best->second;
    const auto learned = record.learned.find(slice);
    metrics.learned_accuracy =
        learned == record.learned.end() ? std::numeric_limits<double>::quiet_NaN() : learned->second;
    report.slices.push_back(std::move(metrics));
  }
  report.shipped = contender.name;
  report.steps = request.steps;
  report.trained_until = request.trained_until;
  report.read_until = request.read_until;
  report.forgotten_until = request.forgotten_until;
  report.trained_anew = request.trained_anew && !contender.mixed;
  Summarise(request.current_slice, report);
  report.network_accuracy = report.average_accuracy;
  return report;
}

// The newest labels: those that the published version does not have; once it has them all, those that the last growth
// brought. All labels are old where nothing can be told.
int64_t CandidateMaker::SplitOf(const model::Model& network, const Request& request,
                                const PublishedRecord& record) const {
  const auto labels = static_cast<int64_t>(request.labels.size());
  if (published_ == nullptr || !HasLabelBias(network)) return labels;
  const auto known = static_cast<int64_t>(published_->labels.size());
  if (known < labels) return known;
  const auto before = static_cast<int64_t>(record.labels_before);
  return before > 0 && before < labels ? before : labels;
}

Result<Candidate> CandidateMaker::Make(Learner& learner, const Request& request, PublishedRecord& record) {
  PERENNIAL_RETURN_IF_ERROR(FollowPublished(request));
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<Offsets> held_out, HeldOut(request));
  // Solved anew: then the same samples give the same head, to the last bit.
  PERENNIAL_ASSIGN_OR_RETURN(const auto instant, SolveInstant(request, true));
  const int64_t split = SplitOf(learner.student(), request, record);
  const Round round{request, record, held_out, split, instant.get()};
  // The better first; see kStudentMargin.
  std::vector<Contender> contenders;
  PERENNIAL_ASSIGN_OR_RETURN(contenders.emplace_back(), Contend(learner.average(), "ema", round));
  PERENNIAL_ASSIGN_OR_RETURN(contenders.emplace_back(), Contend(learner.student(), "student", round));
  const double margin = std::max(kStudentMargin, kStudentErrors * StandardError(contenders[0].gate));
  const bool student = contenders[1].average > contenders[0].average + margin;
  if (student) std::swap(contenders[0], contenders[1]);
  PERENNIAL_ASSIGN_OR_RETURN(const bool passes, Passes(round, contenders[0]));
  if (passes) return Finish(round, contenders, 0, record);
  // What is between the published weights and the better network may be better than the other network.
  if (options_.interpolate && published_ != nullptr) {
    PERENNIAL_RETURN_IF_ERROR(Search(round, student ? learner.student() : learner.average(), contenders));
  }
  std::stable_sort(contenders.begin() + 1, contenders.end(),
                   [](const Contender& a, const Contender& b) { return a.average > b.average; });
  size_t chosen = 0;
  PERENNIAL_RETURN_IF_ERROR(Choose(round, contenders, chosen));
  return Finish(round, contenders, chosen, record);
}

Result<Candidate> CandidateMaker::Finish(const Round& round, std::vector<Contender>& contenders, size_t chosen,
                                         PublishedRecord& record) {
  Candidate candidate;
  if (chosen != 0) {
    // The network's own figures, without a trace in the record.
    PublishedRecord aside = record;
    PERENNIAL_ASSIGN_OR_RETURN(candidate.network, Report(round, contenders[0], aside));
    candidate.network_image = std::move(contenders[0].quantised.image);
    candidate.network_image->slices = round.request.slices;
  }
  Contender& contender = contenders[chosen];
  PERENNIAL_ASSIGN_OR_RETURN(candidate.report, Report(round, contender, record));
  if (candidate.network) candidate.report.network_accuracy = candidate.network->average_accuracy;
  PERENNIAL_RETURN_IF_ERROR(ListFlips(round, contender, candidate.flips));
  candidate.report.negative_flip_rate =
      candidate.flips.known ? candidate.flips.NegativeFlipRate() : std::numeric_limits<double>::quiet_NaN();
  candidate.report.flips_compared = candidate.flips.compared;
  candidate.report.flips_lost = candidate.flips.lost;
  candidate.report.flips_won = candidate.flips.won;

  candidate.saturated_ratio = contender.quantised.saturated_ratio;
  candidate.image = std::move(contender.quantised.image);
  candidate.image.slices = round.request.slices;
  candidate.image.trained_until = round.request.trained_until;
  SliceScores scores;
  for (size_t i = 0; i < round.request.slices.size(); ++i) scores[round.request.slices[i]] = contender.gate[i];
  // Above, the labels are those the peak belongs to; a new label set starts anew.
  if (round.request.labels.size() == record.labels) {
    candidate.report.warning = DeclineWarning(record.peak, scores, options_.gate);
  }
  candidate.accepted = contender.decision.accepted;
  candidate.reason = std::move(contender.decision.reason);
  last_root_ = candidate.image.Root();
  last_answers_ = std::move(contender.predictions);
  return candidate;
}

}  // namespace perennial::trainer
