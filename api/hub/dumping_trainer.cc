#include "api/hub/dumping_trainer.h"

#include <nlohmann/json.hpp>

#include "serving/model/instant_head.h"
#include "serving/model/quantise.h"
#include "storage/base/env.h"
#include "storage/base/log.h"

namespace perennial::hub {

Result<std::unique_ptr<DumpingTrainer>> DumpingTrainer::Wrap(std::unique_ptr<trainer::OnlineTrainer> trainer,
                                                             const std::string& name, const std::string& folder,
                                                             const media::DecodeLimits& image_limits,
                                                             const samples::SampleLog& log, const Clock& clock) {
  PERENNIAL_RETURN_IF_ERROR(Env::Posix().CreateDirectories(folder));
  trainer::Evaluator::Options evaluation;
  evaluation.image_limits = image_limits;
  std::unique_ptr<DumpingTrainer> dumping(new DumpingTrainer(std::move(trainer), name, evaluation, log, clock));
  const std::string path = folder + "/evaluations-" + name + ".ndjson";
  dumping->out_.open(path, std::ios::app);
  if (!dumping->out_) return IoError("can't write " + path, "give a folder that you may write to");
  return dumping;
}

Result<trainer::Candidate> DumpingTrainer::MakeCandidate(const format::VersionImage* frozen, uint64_t new_scale_set,
                                                         size_t max_per_slice) {
  auto candidate = trainer_->MakeCandidate(frozen, new_scale_set, max_per_slice);
  if (!candidate.ok()) return candidate;
  // The record is for people who check; learning does not stop for it.
  if (const Status dumped = Dump(*candidate, max_per_slice); !dumped.ok()) {
    log::Error("evaluation_not_dumped", {{"trainer", name_}, {"error", dumped.ToString()}});
  }
  return candidate;
}

Status DumpingTrainer::Dump(const trainer::Candidate& candidate, size_t max_per_slice) {
  PERENNIAL_ASSIGN_OR_RETURN(const auto model, model::Instantiate(candidate.image, torch::kCPU));
  std::shared_ptr<const model::InstantHead> head;
  if (candidate.image.instant) {
    PERENNIAL_ASSIGN_OR_RETURN(head, model::InstantHead::FromImage(candidate.image));
  }
  if (candidate.report.forgotten_until != forgotten_until_) evaluator_.DropKept();
  forgotten_until_ = candidate.report.forgotten_until;
  const int64_t time_us = clock_.WallMicros();
  const uint64_t steps = trainer_->GetStatus().steps;
  for (const trainer::SliceMetrics& slice : candidate.report.slices) {
    PERENNIAL_ASSIGN_OR_RETURN(const auto offsets, evaluator_.ReportOffsets(slice.slice, max_per_slice));
    trainer::Evaluator::Predictions answers;
    PERENNIAL_RETURN_IF_ERROR(
        evaluator_.Predict(*model, offsets, trainer::Evaluator::Hide::kNothing, answers, head.get()));
    for (const Offset offset : offsets) {
      const auto answered = answers.find(offset.value);
      if (answered == answers.end()) continue;  // left out: its picture does not decode
      PERENNIAL_ASSIGN_OR_RETURN(const std::string truth, evaluator_.TrueLabel(offset));
      const auto answer = static_cast<size_t>(answered->second);
      const nlohmann::ordered_json line = {{"time_us", time_us},
                                           {"trainer", name_},
                                           {"steps", steps},
                                           {"trained_until", candidate.report.trained_until},
                                           {"offset", offset.value},
                                           {"slice", slice.slice},
                                           {"predicted", candidate.image.labels.at(answer)},
                                           {"true", truth}};
      out_ << line.dump() << '\n';
    }
  }
  out_.flush();
  return out_ ? Status::Ok() : IoError("the dump can't be written");
}

}  // namespace perennial::hub
