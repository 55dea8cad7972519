#include "trainer/stream_trainer.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "serving/model/preprocess.h"
#include "storage/base/bytes.h"
#include "storage/base/log.h"
#include "trainer/guarded.h"
#include "trainer/memory_training.h"
#include "trainer/stored_logits.h"

namespace perennial::trainer {
namespace {

// So many steps in a row without a finite loss end the run: it does not mend itself.
constexpr uint64_t kMaxBadSteps = 50;
// A small memory is passed over more often than its strategy asks for.
constexpr uint64_t kLeastMemorySteps = 1000;

}  // namespace

Result<OnlineTrainer::StepOutcome> StreamTrainer::Step(SteadyTime deadline) {
  return Guarded("train a step", [&] { return DoStep(deadline); });
}

Result<OnlineTrainer::StepOutcome> StreamTrainer::DoStep(SteadyTime deadline) {
  // A checkpoint that failed is owed before anything more is learned.
  if (checkpoint_due_) PERENNIAL_RETURN_IF_ERROR(DoCheckpoint());
  PERENNIAL_ASSIGN_OR_RETURN(const BatchAssembler::State state, assembler_->Fill(deadline));
  if (state == BatchAssembler::State::kReady) return TrainBatch();
  PERENNIAL_RETURN_IF_ERROR(Settle());
  if (state == BatchAssembler::State::kForget) PERENNIAL_RETURN_IF_ERROR(DoForget());
  if (state == BatchAssembler::State::kFlushed && samples_trained_ > samples_at_candidate_) flush_due_ = true;
  RefreshStatus();
  return StepOutcome::kNoData;
}

Result<OnlineTrainer::StepOutcome> StreamTrainer::TrainBatch() {
  const SteadyTime began = clock_.Now();
  const std::vector<Prepared>& fresh = assembler_->samples();
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<int64_t> targets, PrepareLabels(fresh));
  // Before the first step, so that a batch of which a step is tried again is observed once.
  if (!begun_.observed) PERENNIAL_RETURN_IF_ERROR(ObserveInstantly(fresh, targets));
  begun_.observed = true;
  if (begun_.steps == 0) begun_.steps = strategy_->PassesOverMemory() > 0 ? 1 : schedule_.StepsFor(targets);
  while (begun_.done < begun_.steps) PERENNIAL_RETURN_IF_ERROR(StepOn(fresh));

  // Nothing below fails, but the checkpoint, which is then owed.
  if (assembler_->ended_by_flush()) flush_due_ = true;
  std::vector<Prepared> trained = assembler_->Commit();
  ++batches_;
  samples_trained_ += trained.size();
  schedule_.Note(targets);
  std::vector<Offset> offsets;
  for (const Prepared& sample : trained) offsets.push_back(sample.offset);
  Remember(std::move(trained), std::move(begun_.states));
  const uint64_t before = steps_ - begun_.steps;
  begun_ = {};
  throughput_.Add(offsets.size(), clock_.Now() - began);
  RefreshStatus();
  if (options_.on_step) options_.on_step(steps_ - 1, offsets);
  const uint64_t every = options_.checkpoint_every_steps;
  if (steps_ / every != before / every) PERENNIAL_RETURN_IF_ERROR(DoCheckpoint());
  return StepOutcome::kStepped;
}

Status StreamTrainer::StepOn(const std::vector<Prepared>& fresh) {
  // On a copy: a step that fails can be tried again as it was.
  Rng rng = rng_;
  std::vector<replay::ItemState> states(fresh.size());
  if (strategy_->PassesOverMemory() == 0) {
    ReplayDraw replayed;
    if (strategy_->UsesReplay()) {
      PERENNIAL_ASSIGN_OR_RETURN(replayed, replay_->Draw(options_.replay_per_step, rng));
    }
    PERENNIAL_ASSIGN_OR_RETURN(states, Learn(fresh, std::move(replayed)));
  }
  begun_.states = std::move(states);
  rng_ = rng;
  ++begun_.done;
  ++steps_;
  return Status::Ok();
}

Result<std::vector<replay::ItemState>> StreamTrainer::Learn(const std::vector<Prepared>& fresh, ReplayDraw replayed) {
  PERENNIAL_ASSIGN_OR_RETURN(StepBatch batch, builder_->Build(fresh, replayed, labels_, steps_, begun_.done > 0));
  batch.number = batches_;
  batch.memory = replay_->size();
  batch.rate_factor = assembler_->fullness();
  PERENNIAL_RETURN_IF_ERROR(std::exchange(late_failure_, Status::Ok()));
  if (!learner_->MayRunAhead(*strategy_)) PERENNIAL_RETURN_IF_ERROR(Settle(&replayed));
  if (strategy_->UsesStoredLogits() && !replayed.empty()) {
    batch.stored_logits = StoredLogits(replayed, learner_->label_count());
    if (learner_->MayRunAhead(*strategy_)) batch.earlier_rows = EarlierRows(replayed);
  }
  learner_->Begin(*strategy_, batch, steps_);
  std::vector<replay::ItemState> states(fresh.size() + replayed.size());
  if (learner_->asynchronous()) {
    // What a new sample will take is counted now; Settle() brings the values.
    if (strategy_->UsesStoredLogits()) {
      for (replay::ItemState& state : states) state.logits.resize(static_cast<size_t>(learner_->label_count()));
    }
    std::optional<UnderWay> before =
        std::exchange(under_way_, UnderWay{steps_, std::move(batch), std::move(replayed), {}});
    // The step begun now counts, whatever comes of that one.
    if (before) late_failure_ = Guarded("end a step", [&] { return End(std::move(*before), nullptr); });
    return states;
  }
  const Learner::StepResult result = learner_->Finish(*strategy_);
  if (strategy_->UsesStoredLogits()) {
    PERENNIAL_ASSIGN_OR_RETURN(states, StatesOf(result.logits, batch));
  }
  PERENNIAL_RETURN_IF_ERROR(NoteLoss(result, steps_));
  if (result.applied && strategy_->RefreshesStoredLogits()) RefreshStates(replayed, states);
  return states;
}

torch::Tensor StreamTrainer::EarlierRows(const ReplayDraw& replayed) const {
  std::vector<int64_t> rows(replayed.size(), -1);
  if (under_way_) {
    std::unordered_map<uint64_t, int64_t> row_of;
    const std::vector<uint64_t>& kept = under_way_->kept;
    for (size_t i = 0; i < kept.size(); ++i) {
      if (kept[i] != 0) row_of[kept[i]] = static_cast<int64_t>(i);
    }
    for (size_t i = 0; i < rows.size(); ++i) {
      if (const auto at = row_of.find(replayed[i].id); at != row_of.end()) rows[i] = at->second;
    }
  }
  return torch::tensor(rows, torch::kInt64);
}

Status StreamTrainer::Settle(ReplayDraw* next) {
  PERENNIAL_RETURN_IF_ERROR(std::exchange(late_failure_, Status::Ok()));
  if (!under_way_) return Status::Ok();
  return End(*std::exchange(under_way_, std::nullopt), next);
}

Status StreamTrainer::End(UnderWay ended, ReplayDraw* next) {
  const Learner::StepResult result = learner_->Finish(*strategy_);
  if (strategy_->UsesStoredLogits()) {
    PERENNIAL_ASSIGN_OR_RETURN(std::vector<replay::ItemState> states, StatesOf(result.logits, ended.batch));
    std::unordered_map<uint64_t, std::shared_ptr<const replay::ItemState>> known;
    const auto set = [&](uint64_t id, const replay::ItemState& state) {
      known[id] = std::make_shared<const replay::ItemState>(state);
      replay_->SetState(id, state);
    };
    for (size_t i = 0; i < ended.kept.size(); ++i) {
      if (ended.kept[i] != 0) set(ended.kept[i], states[i]);
    }
    if (result.applied && strategy_->RefreshesStoredLogits()) {
      const size_t fresh = states.size() - ended.replayed.size();
      for (size_t i = 0; i < ended.replayed.size(); ++i) set(ended.replayed[i].id, states[fresh + i]);
    }
    for (size_t i = 0; next != nullptr && i < next->size(); ++i) {
      if (const auto at = known.find((*next)[i].id); at != known.end()) (*next)[i].state = at->second;
    }
  }
  return NoteLoss(result, ended.step);
}

Status StreamTrainer::ObserveInstantly(const std::vector<Prepared>& fresh, const std::vector<int64_t>& targets) {
  if (instant_ == nullptr || fresh.empty()) return Status::Ok();
  std::vector<model::RawInput> inputs;
  for (const Prepared& sample : fresh) inputs.push_back({sample.example.pixels.get(), sample.example.text});
  return instant_->Observe(model::MakeBatch(inputs, options_.spec, torch::kCPU), targets);
}

Status StreamTrainer::LearnFromMemory() {
  PERENNIAL_ASSIGN_OR_RETURN(learner_, Learner::Build(options_, static_cast<int64_t>(labels_.size()), strategy_.get()));
  MemoryTraining how;
  how.batch = options_.new_per_step + options_.replay_per_step;
  how.passes = strategy_->PassesOverMemory();
  how.least_steps = kLeastMemorySteps;
  return TrainOnMemory(how, *strategy_, *replay_, *builder_, labels_, *learner_, Rng(options_.seed, steps_),
                       interrupted_);
}

Result<std::vector<int64_t>> StreamTrainer::PrepareLabels(const std::vector<Prepared>& fresh) {
  std::vector<int64_t> targets;
  for (const Prepared& sample : fresh) targets.push_back(labels_.Add(sample.example.label));
  const auto count = static_cast<int64_t>(labels_.size());
  if (learner_ == nullptr) {
    PERENNIAL_ASSIGN_OR_RETURN(learner_, Learner::Build(options_, count, strategy_.get()));
  } else if (learner_->label_count() < count) {
    PERENNIAL_RETURN_IF_ERROR(Settle());
    learner_->Grow(count);
  }
  return targets;
}

Status StreamTrainer::NoteLoss(const Learner::StepResult& result, uint64_t step) {
  if (options_.on_loss) options_.on_loss(step, result.loss);
  if (result.applied) {
    bad_in_a_row_ = 0;
    // Over about the last hundred steps.
    loss_ = step == skipped_steps_ ? result.loss : loss_ + 0.02 * (result.loss - loss_);
    return Status::Ok();
  }
  if (bad_in_a_row_ + 1 >= kMaxBadSteps) {
    return FailedPrecondition("loss or gradient was not finite in " + std::to_string(kMaxBadSteps) + " steps in a row",
                              "lower learning_rate, or go back to the last checkpoint by restarting the hub");
  }
  ++bad_in_a_row_;
  ++skipped_steps_;
  log::Warn("step_not_finite", {{"trainer", options_.name}, {"step", step}, {"loss", result.loss}});
  return Status::Ok();
}

void StreamTrainer::RefreshStates(const ReplayDraw& replayed, const std::vector<replay::ItemState>& states) {
  const size_t fresh = states.size() - replayed.size();
  for (size_t i = 0; i < replayed.size(); ++i) replay_->SetState(replayed[i].id, states[fresh + i]);
}

void StreamTrainer::Remember(std::vector<Prepared> trained, std::vector<replay::ItemState> states) {
  for (size_t i = 0; i < trained.size(); ++i) {
    Prepared& sample = trained[i];
    newest_sample_us_ = std::max(newest_sample_us_, sample.appended_us);
    last_slice_ = sample.example.slice;
    if (std::find(slices_.begin(), slices_.end(), last_slice_) == slices_.end()) slices_.push_back(last_slice_);
    if (!strategy_->UsesReplay()) continue;
    const uint64_t id = replay_->Add(std::move(sample.example), std::move(states[i]), rng_);
    if (under_way_) under_way_->kept.push_back(id);
  }
}

Status StreamTrainer::Checkpoint() {
  return Guarded("save a checkpoint", [&] { return DoCheckpoint(); });
}

Status StreamTrainer::DoCheckpoint() {
  checkpoint_due_ = true;
  PERENNIAL_RETURN_IF_ERROR(Settle());
  kv::WriteBatch batch;
  PutCheckpoint(Snapshot(), family_, options_.name, batch);
  replay_->ContributeTo(batch);
  PERENNIAL_RETURN_IF_ERROR(
      store_.Write(batch, kv::Durability::kSynced).WithContext("save the checkpoint of trainer " + options_.name));
  replay_->Confirm();
  if (!log_knows_) PERENNIAL_RETURN_IF_ERROR(TellLog(assembler_->position().forgotten_until));
  checkpoint_due_ = false;
  return Status::Ok();
}

trainer::Checkpoint StreamTrainer::Snapshot() const {
  trainer::Checkpoint saved;
  saved.spec_json = options_.spec.ToJson();
  saved.strategy = options_.strategy;
  saved.strategy_state = strategy_->Save();
  saved.optimiser = options_.optimiser;
  saved.position = assembler_->position();
  saved.steps = steps_;
  saved.batches = batches_;
  saved.batch_steps = begun_.steps;
  saved.batch_done = begun_.done;
  saved.label_samples = schedule_.seen();
  saved.samples_trained = samples_trained_;
  saved.skipped_steps = skipped_steps_;
  saved.loss = loss_;
  saved.newest_sample_us = newest_sample_us_;
  saved.forget_owed = forget_owed_;
  saved.instant_since = instant_since_;
  saved.flush_due = flush_due_ || publish_owed_;
  saved.rng = rng_.Save();
  saved.labels = labels_.names();
  saved.slices = slices_;
  saved.last_slice = last_slice_;
  saved.published = published_;
  if (instant_ != nullptr) saved.instant = instant_->Save();
  if (learner_ != nullptr) {
    saved.learner = learner_->State();
    // Labels of a batch that was begun and failed are not the checkpoint's: the head's rows are.
    saved.labels.resize(std::min(saved.labels.size(), static_cast<size_t>(learner_->label_count())));
  }
  return saved;
}

CandidateMaker::Request StreamTrainer::RequestOf(const std::vector<std::string>& labels,
                                                 const std::vector<std::string>& slices, size_t max_per_slice) {
  CandidateMaker::Request request{labels, slices};
  request.current_slice = last_slice_;
  request.steps = steps_;
  request.published = published_image_;
  request.trained_until = assembler_->cursor().value;
  request.read_until = assembler_->position().next.value;
  request.forgotten_until = assembler_->position().forgotten_until.value;
  if (forget_owed_) request.owed = "what is published still holds something that was forgotten since";
  request.max_per_slice = max_per_slice;
  request.instant = instant_.get();
  return request;
}

Result<Candidate> StreamTrainer::MakeCandidate(const format::VersionImage* frozen, uint64_t new_scale_set,
                                               size_t max_per_slice) {
  if (learner_ == nullptr || steps_ == 0) {
    return FailedPrecondition("nothing was learned yet", "feed labelled samples first");
  }
  return Guarded("make a candidate", [&]() -> Result<Candidate> {
    PERENNIAL_RETURN_IF_ERROR(Settle());
    CandidateMaker::Request request = RequestOf(labels_.names(), slices_, max_per_slice);
    request.frozen = frozen;
    request.new_scale_set = new_scale_set;
    request.trained_anew = strategy_->PassesOverMemory() > 0;
    if (strategy_->PassesOverMemory() > 0) PERENNIAL_RETURN_IF_ERROR(LearnFromMemory());
    PERENNIAL_ASSIGN_OR_RETURN(Candidate candidate, candidates_->Make(*learner_, request, published_));
    candidate.newest_sample_us = newest_sample_us_;
    flush_due_ = false;
    samples_at_candidate_ = samples_trained_;
    RefreshStatus();
    return candidate;
  });
}

void StreamTrainer::Published(const Candidate& candidate, VersionId version) {
  publish_owed_ = false;
  if (candidate.report.forgotten_until == assembler_->position().forgotten_until.value) forget_owed_ = false;
  SliceScores scores;
  for (const SliceMetrics& slice : candidate.report.slices) {
    scores[slice.slice] = {slice.gate_samples, slice.gate_correct};
    if (slice.samples == 0) continue;
    double& best = published_.best.try_emplace(slice.slice, slice.accuracy).first->second;
    best = std::max(best, slice.accuracy);
  }
  published_.NotePublished(version, candidate.image.labels.size(), std::move(scores));
  SetPublished(std::make_shared<const format::VersionImage>(candidate.image));
}

Hash256 StreamTrainer::Fingerprint() {
  const Status settled = Guarded("end the step under way", [&] { return Settle(); });
  Sha256Stream hash;
  ByteWriter head;
  head.U64(steps_);
  head.U64(batches_);
  head.U64(samples_trained_);
  head.Raw(rng_.Save());
  head.Varint(labels_.size());
  for (const std::string& label : labels_.names()) head.Bytes(label);
  for (const uint64_t samples : schedule_.seen()) head.U64(samples);
  head.Bytes(strategy_->Save());
  const Result<Hash256> memory = replay_->Digest();
  // What failed, or cannot be read, is equal to nothing but what fails alike.
  if (!settled.ok()) head.Bytes(settled.ToString());
  head.Bytes(memory.ok() ? memory->View() : memory.status().ToString());
  hash.Update(head.data());
  if (instant_ != nullptr) hash.Update(instant_->Save());
  if (learner_ != nullptr) {
    const LearnerState state = learner_->State();
    hash.Update(state.layout.Encode());
    std::vector<torch::Tensor> tensors = {state.weights, state.average, state.moment1, state.moment2, state.teacher};
    tensors.insert(tensors.end(), state.records.begin(), state.records.end());
    for (const torch::Tensor& tensor : tensors) {
      if (!tensor.defined()) continue;
      hash.Update({reinterpret_cast<const char*>(tensor.data_ptr<float>()),
                   static_cast<size_t>(tensor.numel()) * sizeof(float)});
    }
  }
  return hash.Finish();
}

void StreamTrainer::RefreshStatus() {
  MutexLock lock(status_mutex_);
  status_.cursor = assembler_->cursor();
  status_.forgotten_until = assembler_->position().forgotten_until;
  status_.steps = steps_;
  status_.samples_trained = samples_trained_;
  status_.waiting = assembler_->samples().size() + assembler_->held_back().size();
  status_.loss = loss_;
  status_.samples_per_s = throughput_.PerSecond();
  status_.labels = labels_.size();
  status_.replay_size = replay_->size();
  status_.replay_bytes = replay_->bytes();
  status_.instant_bytes = instant_ == nullptr ? 0 : instant_->bytes();
  status_.skipped_steps = skipped_steps_;
  status_.flush_due = flush_due_;
}

TrainerStatus StreamTrainer::GetStatus() const {
  MutexLock lock(status_mutex_);
  return status_;
}

}  // namespace perennial::trainer
