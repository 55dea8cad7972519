#include "api/bench/continual_run.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "serving/model/quantise.h"
#include "storage/kv/kv_store.h"
#include "storage/samples/sample_log.h"
#include "trainer/evaluator.h"
#include "trainer/online_trainer.h"

namespace perennial::bench {
namespace {

using trainer::Evaluator;
using trainer::OnlineTrainer;

constexpr size_t kBatch = 256;

// The plain methods are there to be compared with the literature, which has no augmentation.
bool IsPlain(const std::string& strategy) { return strategy != "default"; }

Result<trainer::TrainerOptions> MakeOptions(const ContinualOptions& options, uint64_t seed) {
  trainer::TrainerOptions out;
  PERENNIAL_ASSIGN_OR_RETURN(const format::ModelSpec spec,
                             format::ModelSpec::Preset(options.network == "compact" ? "tiny" : options.network));
  out.UseRecipeOf(spec);
  out.strategy = options.strategy == "joint" ? "naive" : options.strategy;
  out.replay.capacity = options.buffer;
  out.seed = seed;
  out.checkpoint_every_steps = uint64_t{1} << 40;  // nothing to resume
  if (IsPlain(options.strategy)) {
    out.augment.shift = 0;
    out.replay.policy = replay::ReplayOptions::Policy::kReservoir;
  }
  return out;
}

Status Append(samples::SampleLog& log, const std::vector<const format::Sample*>& samples,
              const ContinualStream& stream) {
  for (size_t begin = 0; begin < samples.size(); begin += kBatch) {
    std::vector<format::Sample> batch;
    for (size_t i = begin; i < std::min(samples.size(), begin + kBatch); ++i) {
      batch.push_back(*samples[i]);
      batch.back().slice = stream.SliceOf(*samples[i]);
    }
    PERENNIAL_RETURN_IF_ERROR(log.Append(std::move(batch)).status());
  }
  return Status::Ok();
}

// Follows the candidates of one run.
class Course {
 public:
  Course(const ContinualStream& stream, ContinualFigures& figures) : stream_(stream), figures_(figures) {}

  void Note(const trainer::Candidate& candidate) {
    ++candidates_;
    const trainer::EvaluationReport& network = NetworkOf(candidate);
    figures_.anytime_accuracy += network.average_accuracy;
    double old = 0, counted = 0;
    for (const trainer::SliceMetrics& slice : network.slices) {
      double& best = best_[slice.slice];
      best = std::max(best, slice.accuracy);
      if (ended_.count(slice.slice) == 0) continue;
      old += slice.accuracy;
      ++counted;
    }
    if (counted > 0) figures_.worst_old_accuracy = std::fmin(figures_.worst_old_accuracy, old / counted);
    if (candidate.accepted) {
      ++figures_.versions_published;
      figures_.average_accuracy = OverAllSlices(candidate.report);
    } else {
      ++figures_.refused;
    }
  }
  void EndPart(const std::string& name) { ended_.insert(name); }
  void Finish(const trainer::Candidate& last) {
    figures_.anytime_accuracy /= static_cast<double>(candidates_);
    const trainer::EvaluationReport& network = NetworkOf(last);
    figures_.network_accuracy = OverAllSlices(network);
    figures_.balanced_accuracy = network.average_balanced_accuracy;
    for (const trainer::SliceMetrics& slice : network.slices) {
      figures_.forgetting += (best_[slice.slice] - slice.accuracy) / static_cast<double>(stream_.slices.size());
    }
    figures_.backward_transfer = network.backward_transfer;
    for (const trainer::SliceMetrics& slice : network.slices) figures_.per_slice[slice.slice] = slice.accuracy;
  }

 private:
  // Student or average, whatever the gate made of it.
  static const trainer::EvaluationReport& NetworkOf(const trainer::Candidate& candidate) {
    return candidate.network ? *candidate.network : candidate.report;
  }
  // A slice that a version had not seen counts as wrong.
  double OverAllSlices(const trainer::EvaluationReport& report) const {
    double sum = 0;
    for (const trainer::SliceMetrics& slice : report.slices) sum += slice.accuracy;
    return sum / static_cast<double>(stream_.slices.size());
  }

  const ContinualStream& stream_;
  ContinualFigures& figures_;
  std::set<std::string> ended_;
  std::map<std::string, double> best_;  // also of candidates that the gate refused
  uint64_t candidates_ = 0;
};

Status DumpPredictions(const samples::SampleLog& log, const format::VersionImage& image, uint64_t seed,
                       const std::string& path) {
  std::ofstream out(path, std::ios::app);
  if (!out) return IoError("cannot write " + path);
  Evaluator evaluator(log, {});
  PERENNIAL_ASSIGN_OR_RETURN(const auto network, model::Instantiate(image, torch::kCPU));
  for (const std::string& slice : image.slices) {
    PERENNIAL_ASSIGN_OR_RETURN(const auto offsets, evaluator.ReportOffsets(slice, 0));
    Evaluator::Predictions predictions;
    PERENNIAL_RETURN_IF_ERROR(evaluator.Predict(*network, offsets, Evaluator::Hide::kNothing, predictions));
    for (const Offset offset : offsets) {
      const auto answer = predictions.find(offset.value);
      if (answer == predictions.end()) continue;  // its picture does not decode, so it counts nowhere
      PERENNIAL_ASSIGN_OR_RETURN(const std::string truth, evaluator.TrueLabel(offset));
      PERENNIAL_ASSIGN_OR_RETURN(const samples::Entry entry, log.Read(offset));
      out << nlohmann::json{{"seed", seed},
                            {"id", entry.sample.id},
                            {"slice", slice},
                            {"predicted", image.labels.at(static_cast<size_t>(answer->second))},
                            {"true", truth}}
                 .dump()
          << "\n";
    }
  }
  return out.good() ? Status::Ok() : IoError("cannot write " + path);
}

}  // namespace

Result<ContinualFigures> RunSeed(const ContinualStream& stream, const ContinualOptions& options, uint64_t seed,
                                 const std::string& dump) {
  SystemClock clock;
  std::vector<std::string> families = samples::SampleLog::Families();
  for (const std::string& family : OnlineTrainer::Families()) families.push_back(family);
  const auto store = kv::OpenMemory(families);
  samples::SampleLogOptions log_options;
  log_options.seed = seed;
  if (options.validate) log_options.held_out_share = 0.1;
  PERENNIAL_ASSIGN_OR_RETURN(const auto log, samples::SampleLog::Open(*store, log_options, clock));
  // Without a test part the report is on the drawn share (trainer/evaluator.h).
  for (const auto& tests : stream.tests) {
    if (!options.validate) PERENNIAL_RETURN_IF_ERROR(Append(*log, tests, stream));
  }
  PERENNIAL_ASSIGN_OR_RETURN(trainer::TrainerOptions trainer_options, MakeOptions(options, seed));
  PERENNIAL_ASSIGN_OR_RETURN(const auto online, OnlineTrainer::Open(trainer_options, *log, *store, clock));

  uint64_t total = 0;
  for (const StreamPart& part : stream.parts) total += part.train.size();
  const uint64_t every = std::max<uint64_t>(1, total / options.versions);
  ContinualFigures figures;
  Course course(stream, figures);
  std::shared_ptr<const format::VersionImage> frozen;
  uint64_t versions_due = 0;
  Duration training{0};
  trainer::Candidate last;
  uint64_t evaluated_at = 0;  // steps
  const auto evaluate = [&]() -> Status {
    evaluated_at = online->GetStatus().steps;
    PERENNIAL_ASSIGN_OR_RETURN(last, online->MakeCandidate(frozen.get(), 1, 0));
    course.Note(last);
    if (!last.accepted) return Status::Ok();
    if (frozen == nullptr) frozen = std::make_shared<const format::VersionImage>(last.image);
    online->Published(last, VersionId{figures.versions_published});
    return Status::Ok();
  };
  for (size_t part = 0; part < stream.parts.size(); ++part) {
    PERENNIAL_RETURN_IF_ERROR(Append(*log, stream.parts[part].train, stream));
    if (part + 1 == stream.parts.size()) PERENNIAL_RETURN_IF_ERROR(log->AppendFlush().status());
    // A batch that is not full yet takes its rest from the next part: the trainer knows no boundary.
    while (log->End().value - online->GetStatus().cursor.value >= trainer_options.new_per_step ||
           (part + 1 == stream.parts.size() && online->GetStatus().cursor < log->End())) {
      const SteadyTime began = clock.Now();
      PERENNIAL_ASSIGN_OR_RETURN(const auto outcome, online->Step(clock.In(std::chrono::milliseconds(200))));
      if (outcome != OnlineTrainer::StepOutcome::kStepped) break;
      training += clock.Now() - began;
      if (const uint64_t due = online->GetStatus().samples_trained / every; due > versions_due) {
        versions_due = due;
        PERENNIAL_RETURN_IF_ERROR(evaluate());
      }
    }
    course.EndPart(stream.parts[part].name);
  }
  if (online->GetStatus().steps != evaluated_at) PERENNIAL_RETURN_IF_ERROR(evaluate());
  course.Finish(last);
  const trainer::TrainerStatus status = online->GetStatus();
  figures.train_s = std::chrono::duration<double>(training).count();
  figures.samples_per_s = static_cast<double>(status.samples_trained) / figures.train_s;
  figures.buffer_bytes = status.replay_bytes;
  if (!dump.empty()) PERENNIAL_RETURN_IF_ERROR(DumpPredictions(*log, last.image, seed, dump));
  return figures;
}

}  // namespace perennial::bench
