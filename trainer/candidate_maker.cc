#include "trainer/candidate_maker.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "serving/model/quantise.h"

namespace perennial::trainer {
namespace {

// Mean accuracy over slices by which the student must lead its average to be shipped, and the same in standard errors
// of the average's. The average unless the student is clearly better: it moves less from version to version, so its
// deltas are smaller, and a change between the two costs a large one.
constexpr double kStudentMargin = 0.01;
constexpr double kStudentErrors = 1.0;

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

}  // namespace

// One set of weights that might ship.
struct CandidateMaker::Contender {
  const char* name = "";
  model::QuantiseOutcome quantised;
  Evaluator::Predictions predictions;
  std::vector<PublishedRecord::SliceScore> gate;  // by slice, as in the request
  double average = 0;
};

Result<std::vector<CandidateMaker::Offsets>> CandidateMaker::HeldOut(const Request& request) const {
  std::vector<Offsets> all;
  for (const std::string& slice : request.slices) {
    Offsets offsets;
    PERENNIAL_ASSIGN_OR_RETURN(offsets.gate, evaluator_.GateOffsets(slice, request.max_per_slice));
    PERENNIAL_ASSIGN_OR_RETURN(offsets.report, evaluator_.ReportOffsets(slice, request.max_per_slice));
    all.push_back(std::move(offsets));
  }
  return all;
}

Status CandidateMaker::LoadForEvaluation(const format::VersionImage& image) {
  if (evaluated_ != nullptr && static_cast<size_t>(evaluated_->label_count()) <= image.labels.size()) {
    return model::LoadInto(image, *evaluated_);
  }
  PERENNIAL_ASSIGN_OR_RETURN(evaluated_, model::Instantiate(image, device_));
  return Status::Ok();
}

Result<CandidateMaker::Contender> CandidateMaker::Contend(const model::Model& model, const char* name,
                                                          const Request& request,
                                                          const std::vector<Offsets>& held_out) {
  Contender contender;
  contender.name = name;
  PERENNIAL_ASSIGN_OR_RETURN(contender.quantised,
                             model::Quantise(model, request.labels, request.frozen, request.new_scale_set));
  PERENNIAL_RETURN_IF_ERROR(LoadForEvaluation(contender.quantised.image));
  size_t counted = 0;
  for (const Offsets& offsets : held_out) {
    PERENNIAL_RETURN_IF_ERROR(
        evaluator_.Predict(*evaluated_, offsets.gate, Evaluator::Hide::kNothing, contender.predictions));
    PERENNIAL_ASSIGN_OR_RETURN(const Evaluator::Score score,
                               evaluator_.ScoreOf(offsets.gate, contender.predictions, request.labels));
    contender.gate.push_back(score.counts);
    if (score.counts.samples == 0) continue;
    ++counted;
    contender.average += score.counts.Accuracy();
  }
  contender.average = MeanOver(counted, contender.average);
  return contender;
}

Status CandidateMaker::FillReport(Contender& contender, const Request& request, const std::vector<Offsets>& held_out,
                                  PublishedRecord& record, EvaluationReport& report) {
  PERENNIAL_RETURN_IF_ERROR(LoadForEvaluation(contender.quantised.image));
  for (size_t i = 0; i < request.slices.size(); ++i) {
    const std::string& slice = request.slices[i];
    PERENNIAL_RETURN_IF_ERROR(
        evaluator_.Predict(*evaluated_, held_out[i].report, Evaluator::Hide::kNothing, contender.predictions));
    PERENNIAL_ASSIGN_OR_RETURN(const Evaluator::Score score,
                               evaluator_.ScoreOf(held_out[i].report, contender.predictions, request.labels));
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
  report.trained_until = request.trained_until;
  Summarise(request.current_slice, report);
  return Status::Ok();
}

Result<Candidate> CandidateMaker::Make(Learner& learner, const Request& request, PublishedRecord& record) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<Offsets> held_out, HeldOut(request));
  PERENNIAL_ASSIGN_OR_RETURN(Contender student, Contend(learner.student(), "student", request, held_out));
  PERENNIAL_ASSIGN_OR_RETURN(Contender average, Contend(learner.average(), "ema", request, held_out));
  const double margin = std::max(kStudentMargin, kStudentErrors * StandardError(average.gate));
  Contender& better = student.average > average.average + margin ? student : average;

  Candidate candidate;
  PERENNIAL_RETURN_IF_ERROR(FillReport(better, request, held_out, record, candidate.report));
  candidate.saturated_ratio = better.quantised.saturated_ratio;
  candidate.image = std::move(better.quantised.image);
  candidate.image.slices = request.slices;
  candidate.image.trained_until = request.trained_until;

  std::map<std::string, PublishedRecord::SliceScore> scores;
  for (size_t i = 0; i < request.slices.size(); ++i) scores[request.slices[i]] = better.gate[i];
  GateDecision decision = DecideGate(record.gate, scores);
  candidate.accepted = decision.accepted;
  candidate.reason = std::move(decision.reason);
  return candidate;
}

}  // namespace perennial::trainer
