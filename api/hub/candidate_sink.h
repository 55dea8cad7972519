#pragma once

#include <memory>

#include "api/evaluation_journal.h"
#include "api/releaser.h"
#include "trainer/service.h"
#include "updater/rollout.h"

namespace perennial::hub {

// Turns the main trainer's candidates into releases. Owned by the hub; called from the trainer's thread.
class ReleasingSink final : public trainer::CandidateSink {
 public:
  // More cut-off codes than this share ask for fresh scales.
  static constexpr double kMaxSaturatedRatio = 0.001;

  // REQUIRES: all outlive the sink.
  ReleasingSink(api::Releaser& releaser, const updater::RolloutController& rollout,
                const versions::VersionStore& versions, api::EvaluationJournal& journal, bool instant_trial)
      : releaser_(releaser),
        rollout_(rollout),
        versions_(versions),
        journal_(journal),
        instant_trial_(instant_trial) {}

  bool ReadyForCandidate() override { return !rollout_.TrialRunning(); }
  Result<VersionId> Offer(const trainer::Candidate& candidate, bool by_hand) override;
  std::shared_ptr<const format::VersionImage> FrozenScales() override;
  Predecessor PredecessorOf(const trainer::TrainedState& state) override;
  uint64_t NextScaleSet() override { return versions_.NextVersion().value; }

 private:
  Result<VersionId> OfferHead(const trainer::Candidate& candidate);
  void Note(const trainer::Candidate& candidate, VersionId version);

  api::Releaser& releaser_;
  const updater::RolloutController& rollout_;
  const versions::VersionStore& versions_;
  api::EvaluationJournal& journal_;
  const bool instant_trial_;  // a version with nothing but a new instant head goes on trial like any other
  bool saturated_ = false;   // the candidate offered last was
  Predecessor predecessor_;  // read last
};

}  // namespace perennial::hub
