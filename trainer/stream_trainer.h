#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
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
#include "trainer/step_schedule.h"
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
  void Interrupt() override { interrupted_ = true; }
  bool InstantDue(bool idle) const override;
  Result<Candidate> MakeInstantCandidate(size_t max_per_slice) override;
  void Published(const Candidate& candidate, VersionId version) override;
  void SetPublished(std::shared_ptr<const format::VersionImage> image) override;
  void SetPublishOwed(bool owed) override { publish_owed_ = owed; }
  Hash256 Fingerprint() override;
  TrainerStatus GetStatus() const override;

 private:
  StreamTrainer(TrainerOptions options, samples::SampleLog& log, kv::KvStore& store, const Clock& clock);
  Status Start();
  Status RestoreFrom(const trainer::Checkpoint& saved);
  Status OpenInstant(const std::optional<trainer::Checkpoint>& saved);
  Status AttachToLog(Offset forgotten_until);

  // stream_trainer_forget.cc: carries out the forget entry that the assembler hands out.
  struct Trained;
  Status DoForget();
  // What was trained on of the entries to be forgotten, read from the log again.
  Result<Trained> ReadTrained(const BatchAssembler::Forgetting& what) const;
  Status AddTrained(const std::vector<Offset>& offsets, Trained& trained) const;
  // What is saved no longer holds what was forgotten: it may go from the files, and the log may erase it.
  Status TellLog(Offset forgotten_until);

  Result<StepOutcome> DoStep(SteadyTime deadline);
  Result<StepOutcome> TrainBatch();
  // The output of each sample; the learner grows for new labels.
  Result<std::vector<int64_t>> PrepareLabels(const std::vector<Prepared>& fresh);
  // Draws, and takes one step on new and drawn samples. Where it fails nothing has changed, and it can be tried again.
  Status StepOn(const std::vector<Prepared>& fresh);
  // What to keep with the rows of the batch, new ones first.
  Result<std::vector<replay::ItemState>> Learn(const std::vector<Prepared>& fresh, ReplayDraw replayed);
  // What the instant head sees of new samples: as they came, without augmentation.
  Status ObserveInstantly(const std::vector<Prepared>& fresh, const std::vector<int64_t>& targets);
  // Samples that were read and not trained on yet.
  std::vector<const Prepared*> ReadAhead() const;
  // Samples by label that the published network was not trained on, those that wait included.
  std::unordered_map<std::string, uint64_t> YoungLabels() const;
  uint64_t InstantSamples() const;
  CandidateMaker::Request RequestOf(const std::vector<std::string>& labels, const std::vector<std::string>& slices,
                                    size_t max_per_slice);
  // A new network, trained on the memory alone, for a strategy with PassesOverMemory.
  Status LearnFromMemory();
  Status NoteLoss(const Learner::StepResult& result, uint64_t step);
  // The replayed rows' states, the last of `states`, replace those in the memory.
  void RefreshStates(const ReplayDraw& replayed, const std::vector<replay::ItemState>& states);
  // A step that the device has not ended yet. Its new samples are in the memory, with logits yet to come.
  struct UnderWay {
    uint64_t step = 0;
    StepBatch batch;
    ReplayDraw replayed;
    std::vector<uint64_t> kept;  // ids of the new samples in the memory, 0: not kept
  };
  // StepBatch::earlier_rows of a draw, by the step under way.
  torch::Tensor EarlierRows(const ReplayDraw& replayed) const;
  // Ends the step under way, if there is one: its loss is noted, and the memory gets the logits it waits for; so do
  // rows of `next` that were drawn before.
  Status Settle(ReplayDraw* next = nullptr);
  Status End(UnderWay ended, ReplayDraw* next);
  // `states` of the trained samples come first.
  void Remember(std::vector<Prepared> trained, std::vector<replay::ItemState> states);
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
  StepSchedule schedule_;
  uint64_t steps_ = 0;
  uint64_t batches_ = 0;
  // How far the batch that the assembler holds is trained. What was done stays done when a step fails: the next call
  // goes on from there.
  struct {
    uint64_t steps = 0;  // to take; 0: not begun
    uint64_t done = 0;
    bool observed = false;                  // by the instant head
    std::vector<replay::ItemState> states;  // of its rows, from the last step; not saved, as a step is still to come
  } begun_;
  uint64_t samples_trained_ = 0;
  uint64_t skipped_steps_ = 0;
  double loss_ = 0;
  int64_t newest_sample_us_ = 0;
  bool flush_due_ = false;
  bool forget_owed_ = false;      // what is published still holds something that was forgotten
  ReadPosition instant_since_;    // what was trained on by then the instant head has not seen
  bool log_knows_ = false;     // how far forgetting is saved; not saved itself
  bool publish_owed_ = false;  // saved as flush_due: the candidate itself is not
  PublishedRecord published_;

  std::shared_ptr<const format::VersionImage> published_image_;  // null: not known; the version store keeps it
  size_t published_trained_ = 0;                                 // labels that its network was trained on
  // What InstantDue goes by (stream_trainer_instant.cc); not saved.
  std::unordered_map<std::string, uint64_t> instant_counts_;  // of young labels at the last instant candidate
  uint64_t instant_samples_ = 0;                              // likewise of all samples
  std::optional<UnderWay> under_way_;
  // Of a step that ended after the next one had begun; the next call hands it out.
  Status late_failure_;
  uint64_t bad_in_a_row_ = 0;
  uint64_t samples_at_candidate_ = 0;
  bool checkpoint_due_ = false;
  Throughput throughput_;
  std::atomic<bool> interrupted_{false};

  mutable Mutex status_mutex_;
  TrainerStatus status_ GUARDED_BY(status_mutex_);
};

}  // namespace perennial::trainer
