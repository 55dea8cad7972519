#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "replay/replay_buffer.h"
#include "storage/base/mutex.h"
#include "storage/base/rng.h"
#include "storage/kv/kv_store.h"
#include "trainer/batch_assembler.h"
#include "trainer/batch_builder.h"
#include "trainer/candidate_maker.h"
#include "trainer/checkpoint.h"
#include "trainer/instant_learner.h"
#include "trainer/label_set.h"
#include "trainer/learner.h"
#include "trainer/online_trainer.h"
#include "trainer/prefetcher.h"
#include "trainer/strategy.h"
#include "trainer/throughput.h"

namespace perennial::trainer {

// The OnlineTrainer: wires prefetcher, batches, replay, learner, candidates and checkpoint. Thread rule as
// OnlineTrainer's.
class StreamTrainer final : public OnlineTrainer {
 public:
  static Result<std::unique_ptr<StreamTrainer>> Open(TrainerOptions options, samples::SampleLog& log,
                                                     kv::KvStore& store, const Clock& clock);

  Result<StepOutcome> Step(SteadyTime deadline) override;
  Status Checkpoint() override;
  Result<Candidate> MakeCandidate(const format::VersionImage* frozen, uint64_t new_scale_set,
                                  size_t max_per_slice) override;
  void Published(const Candidate& candidate, VersionId version) override;
  void SetPublished(std::shared_ptr<const format::VersionImage> image) override { published_image_ = std::move(image); }
  void SetPublishOwed(bool owed) override { publish_owed_ = owed; }
  Hash256 Fingerprint() const override;
  TrainerStatus GetStatus() const override;

 private:
  StreamTrainer(TrainerOptions options, samples::SampleLog& log, kv::KvStore& store, const Clock& clock);
  Status Start();
  Status RestoreFrom(const trainer::Checkpoint& saved);
  Status OpenInstant(const std::optional<trainer::Checkpoint>& saved);

  Result<StepOutcome> DoStep(SteadyTime deadline);
  Result<StepOutcome> TrainBatch();
  Status PrepareLabels(const std::vector<Prepared>& fresh);
  // One step; what to keep with the rows of the batch, new ones first.
  Result<std::vector<replay::ItemState>> Learn(const std::vector<Prepared>& fresh, ReplayDraw replayed);
  // What the instant head sees of new samples: as they came, without augmentation.
  Status ObserveInstantly(const std::vector<Prepared>& fresh);
  // A new network, trained on the memory alone, for a strategy with PassesOverMemory.
  Status LearnFromMemory();
  Status NoteLoss(const Learner::StepResult& result, uint64_t step);
  // The replayed rows' states, the last of `states`, replace those in the memory.
  void RefreshStates(const ReplayDraw& replayed, const std::vector<replay::ItemState>& states);
  // Ends the step under way, if there is one: its loss is noted, and the memory gets the logits it waits for; so do
  // rows of `next` that were drawn before.
  Status Settle(ReplayDraw* next = nullptr);
  // `states` of the trained samples come first.
  void Remember(std::vector<Prepared> trained, std::vector<replay::ItemState> states, Rng& rng);
  Status DoCheckpoint();
  trainer::Checkpoint Snapshot() const;
  void RefreshStatus();

  // Constant after Start().
  const TrainerOptions options_;
  samples::SampleLog& log_;
  kv::KvStore& store_;
  const Clock& clock_;
  kv::Family family_;
  std::unique_ptr<Strategy> strategy_;
  std::unique_ptr<replay::ReplayBuffer> replay_;
  std::unique_ptr<Prefetcher> prefetcher_;
  std::unique_ptr<BatchAssembler> assembler_;
  std::unique_ptr<BatchBuilder> builder_;
  std::unique_ptr<CandidateMaker> candidates_;

  // The state that a checkpoint holds.
  std::unique_ptr<Learner> learner_;         // null before the first step
  std::unique_ptr<InstantLearner> instant_;  // null: none
  Rng rng_;
  LabelSet labels_;
  std::vector<std::string> slices_;
  std::string last_slice_;
  uint64_t steps_ = 0;
  uint64_t samples_trained_ = 0;
  uint64_t skipped_steps_ = 0;
  double loss_ = 0;
  int64_t newest_sample_us_ = 0;
  bool flush_due_ = false;
  bool publish_owed_ = false;  // saved as flush_due: the candidate itself is not
  PublishedRecord published_;

  std::shared_ptr<const format::VersionImage> published_image_;  // null: not known; the version store keeps it
  // A step that the device has not ended yet. Its new samples are in the memory, with logits yet to come.
  struct UnderWay {
    uint64_t step = 0;
    StepBatch batch;
    ReplayDraw replayed;
    std::vector<uint64_t> kept;  // ids of the new samples in the memory, 0: not kept
  };
  std::optional<UnderWay> under_way_;
  uint64_t bad_in_a_row_ = 0;
  uint64_t samples_at_candidate_ = 0;
  bool checkpoint_due_ = false;
  Throughput throughput_;

  mutable Mutex status_mutex_;
  TrainerStatus status_ GUARDED_BY(status_mutex_);
};

}  // namespace perennial::trainer
