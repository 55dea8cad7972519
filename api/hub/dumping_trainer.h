#pragma once

#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "storage/samples/sample_log.h"
#include "trainer/evaluator.h"
#include "trainer/online_trainer.h"

namespace perennial::hub {

// A trainer that also writes down what every candidate answered to every held-out sample of its report, one JSON line
// each (time, trainer, steps, offset, slice, predicted, true), so that anyone can recompute the accuracies. Evaluates a
// second time for that; only with --dump-evaluations. Thread rule: as the trainer it wraps.
class DumpingTrainer final : public trainer::OnlineTrainer {
 public:
  // Appends to FOLDER/evaluations-NAME.ndjson. REQUIRES `log` and `clock` outlive it.
  static Result<std::unique_ptr<DumpingTrainer>> Wrap(std::unique_ptr<trainer::OnlineTrainer> trainer,
                                                      const std::string& name, const std::string& folder,
                                                      const media::DecodeLimits& image_limits,
                                                      const samples::SampleLog& log, const Clock& clock);

  Result<StepOutcome> Step(SteadyTime deadline) override { return trainer_->Step(deadline); }
  Status Checkpoint() override { return trainer_->Checkpoint(); }
  Result<trainer::Candidate> MakeCandidate(const format::VersionImage* frozen, uint64_t new_scale_set,
                                           size_t max_per_slice) override;
  void Interrupt() override { trainer_->Interrupt(); }
  bool InstantDue(bool idle) const override { return trainer_->InstantDue(idle); }
  // Not dumped: the evaluations of the network are.
  Result<trainer::Candidate> MakeInstantCandidate(size_t max_per_slice) override {
    return trainer_->MakeInstantCandidate(max_per_slice);
  }
  void Published(const trainer::Candidate& candidate, VersionId version) override {
    trainer_->Published(candidate, version);
  }
  void SetPublished(std::shared_ptr<const format::VersionImage> image) override {
    trainer_->SetPublished(std::move(image));
  }
  void SetPublishOwed(bool owed) override { trainer_->SetPublishOwed(owed); }
  Hash256 Fingerprint() override { return trainer_->Fingerprint(); }
  trainer::TrainerStatus GetStatus() const override { return trainer_->GetStatus(); }

 private:
  DumpingTrainer(std::unique_ptr<trainer::OnlineTrainer> trainer, const std::string& name,
                 const trainer::Evaluator::Options& evaluation, const samples::SampleLog& log, const Clock& clock)
      : trainer_(std::move(trainer)), name_(name), clock_(clock), evaluator_(log, evaluation) {}
  Status Dump(const trainer::Candidate& candidate, size_t max_per_slice);

  const std::unique_ptr<trainer::OnlineTrainer> trainer_;
  const std::string name_;
  const Clock& clock_;
  trainer::Evaluator evaluator_;
  uint64_t forgotten_until_ = 0;  // of the last candidate
  std::ofstream out_;
};

}  // namespace perennial::hub
