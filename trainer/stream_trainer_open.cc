#include <algorithm>
#include <utility>

#include "storage/base/log.h"
#include "trainer/guarded.h"
#include "trainer/stream_trainer.h"

namespace perennial::trainer {
namespace {

Status CheckDevice(const std::string& device) {
  if (device != "cpu" && !torch::cuda::is_available()) {
    return FailedPrecondition("device " + device + " is asked for, but LibTorch finds no CUDA device",
                              "set device = \"cpu\", or install a driver and a CUDA build of LibTorch");
  }
  return Status::Ok();
}

// What another strategy kept beside the weights means nothing to this one; nor does a snapshot stand for an average, or
// an average for a snapshot.
LearnerState StateFor(const Strategy& strategy, const trainer::Checkpoint& saved) {
  LearnerState state = *saved.learner;
  if (saved.strategy == strategy.name()) return state;
  state.records.clear();
  const auto other = MakeStrategy(saved.strategy);
  const bool both_average = other.ok() && !(*other)->KeepsSnapshot() && !strategy.KeepsSnapshot();
  if (!both_average) state.teacher = torch::Tensor();
  return state;
}

}  // namespace

std::vector<std::string> OnlineTrainer::Families() {
  std::vector<std::string> families = replay::ReplayBuffer::Families();
  families.emplace_back(kCheckpointFamily);
  return families;
}

Result<std::unique_ptr<OnlineTrainer>> OnlineTrainer::Open(TrainerOptions options, samples::SampleLog& log,
                                                           kv::KvStore& store, const Clock& clock) {
  PERENNIAL_ASSIGN_OR_RETURN(std::unique_ptr<StreamTrainer> trainer,
                             StreamTrainer::Open(std::move(options), log, store, clock));
  return std::unique_ptr<OnlineTrainer>(std::move(trainer));
}

Result<std::unique_ptr<StreamTrainer>> StreamTrainer::Open(TrainerOptions options, samples::SampleLog& log,
                                                           kv::KvStore& store, const Clock& clock) {
  PERENNIAL_RETURN_IF_ERROR(options.Validate());
  options.replay.image_size = static_cast<int>(options.spec.image_size);
  options.replay.image_limits = options.image_limits;
  return Guarded("open trainer " + options.name, [&]() -> Result<std::unique_ptr<StreamTrainer>> {
    PERENNIAL_RETURN_IF_ERROR(CheckDevice(options.device));
    std::unique_ptr<StreamTrainer> trainer(new StreamTrainer(std::move(options), log, store, clock));
    PERENNIAL_RETURN_IF_ERROR(trainer->Start());
    return trainer;
  });
}

StreamTrainer::StreamTrainer(TrainerOptions options, samples::SampleLog& log, kv::KvStore& store, const Clock& clock)
    : options_(std::move(options)),
      log_(log),
      store_(store),
      clock_(clock),
      rng_(options_.seed),
      schedule_(options_.schedule) {}

Status StreamTrainer::Start() {
  const torch::Device device(options_.device);
  PERENNIAL_ASSIGN_OR_RETURN(family_, store_.FindFamily(kCheckpointFamily));
  PERENNIAL_ASSIGN_OR_RETURN(
      strategy_, options_.make_strategy ? options_.make_strategy(options_.strategy) : MakeStrategy(options_.strategy));
  replay::ReplayOptions replay_options = options_.replay;
  if (!strategy_->UsesReplay()) replay_options.policy = replay::ReplayOptions::Policy::kNone;
  replay_options.item_state = strategy_->UsesStoredLogits();
  replay_options.source_draw_share = options_.source_batch_share;
  PERENNIAL_ASSIGN_OR_RETURN(replay_, replay::ReplayBuffer::Open(store_, options_.name, replay_options));

  ReadPosition position;
  PERENNIAL_ASSIGN_OR_RETURN(const auto saved, LoadCheckpoint(store_, family_, options_.name));
  if (saved) {
    PERENNIAL_RETURN_IF_ERROR(RestoreFrom(*saved).WithContext("resume trainer " + options_.name));
    position = saved->position;
  }
  PERENNIAL_RETURN_IF_ERROR(OpenInstant(saved));
  if (position.next > log_.End()) {
    return Corruption("trainer " + options_.name + " has read up to offset " + position.next.ToString() +
                          ", but the log ends at " + log_.End().ToString(),
                      "the sample log was replaced; start with an empty data folder");
  }
  // Before anything is read that must not be erased meanwhile.
  PERENNIAL_RETURN_IF_ERROR(AttachToLog(position.forgotten_until));
  Prefetcher::Options prefetch;
  prefetch.spec = options_.spec;
  prefetch.augment = options_.augment;
  prefetch.image_limits = options_.image_limits;
  prefetch.seed = options_.seed;
  prefetch.threads = options_.decode_threads;
  prefetch.capacity = std::max<size_t>(256, 4 * options_.new_per_step);
  prefetcher_ = std::make_unique<Prefetcher>(log_, position.begin(), prefetch);
  assembler_ = std::make_unique<BatchAssembler>(*prefetcher_, options_.new_per_step, position,
                                                SourceLimit::Of(options_.source_batch_share, options_.new_per_step));
  builder_ =
      std::make_unique<BatchBuilder>(options_.spec, options_.augment, options_.seed, Learner::TakesPacked(options_));
  CandidateMaker::Options candidates;
  candidates.evaluation.device = device;
  candidates.evaluation.image_limits = options_.image_limits;
  candidates.evaluation.cache_bytes = options_.evaluation_cache_bytes;
  candidates.gate = options_.gate;
  candidates.interpolate = options_.interpolate;
  candidates_ = std::make_unique<CandidateMaker>(log_, candidates);
  RefreshStatus();
  return Status::Ok();
}

Status StreamTrainer::AttachToLog(Offset forgotten_until) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<samples::ReaderInfo> readers, log_.Readers());
  const bool known = std::any_of(readers.begin(), readers.end(), [&](const samples::ReaderInfo& reader) {
    return reader.reader == options_.name && reader.done <= forgotten_until;
  });
  const Status told = TellLog(forgotten_until);
  const bool full = told.code() == Code::kResourceExhausted || told.code() == Code::kIoError;
  if (!known || !full) return told;
  // The log waits for this trainer as it should, and the next checkpoint tells it how far it is.
  log::Warn("forgetting_waits", {{"trainer", options_.name}, {"error", told.ToString()}});
  return Status::Ok();
}

Status StreamTrainer::OpenInstant(const std::optional<trainer::Checkpoint>& saved) {
  if (options_.instant_width == 0) return Status::Ok();
  InstantOptions instant;
  instant.spec.width = options_.instant_width;
  instant.spec.seed = options_.instant_seed;
  if (saved && saved->instant) {
    instant_since_ = saved->instant_since;
    PERENNIAL_ASSIGN_OR_RETURN(instant_, InstantLearner::Load(*saved->instant, instant, options_.spec));
    return Status::Ok();
  }
  if (saved && saved->samples_trained > 0) {
    // What it does not know the blend leaves to the network.
    log::Warn("instant_head_starts_late", {{"trainer", options_.name}, {"samples_before", saved->samples_trained}});
  }
  if (saved) instant_since_ = saved->position;
  PERENNIAL_ASSIGN_OR_RETURN(instant_, InstantLearner::Open(instant, options_.spec));
  return Status::Ok();
}

Status StreamTrainer::RestoreFrom(const trainer::Checkpoint& saved) {
  if (saved.spec_json != options_.spec.ToJson()) {
    return FailedPrecondition("its checkpoint is of the network " + saved.spec_json + ", not " + options_.spec.ToJson(),
                              "start the hub with the model size it was trained with, or with an empty data folder");
  }
  if (saved.optimiser != options_.optimiser) {
    return FailedPrecondition(
        "its checkpoint was made with the optimiser " + saved.optimiser + ", not " + options_.optimiser +
            ", and the moments of one mean nothing to the other",
        "start the hub with optimiser = \"" + saved.optimiser + "\" as before, or with an empty data folder");
  }
  if (saved.strategy == options_.strategy) PERENNIAL_RETURN_IF_ERROR(strategy_->Load(saved.strategy_state));
  PERENNIAL_ASSIGN_OR_RETURN(rng_, Rng::Load(saved.rng));
  labels_ = LabelSet(saved.labels);
  slices_ = saved.slices;
  last_slice_ = saved.last_slice;
  steps_ = saved.steps;
  batches_ = saved.batches;
  begun_.steps = saved.batch_steps;
  begun_.done = saved.batch_done;
  begun_.observed = saved.batch_steps > 0 && saved.instant.has_value();
  schedule_.Restore(saved.label_samples);
  samples_trained_ = saved.samples_trained;
  skipped_steps_ = saved.skipped_steps;
  loss_ = saved.loss;
  newest_sample_us_ = saved.newest_sample_us;
  flush_due_ = saved.flush_due;
  forget_owed_ = saved.forget_owed;
  published_ = saved.published;
  if (saved.learner) {
    PERENNIAL_ASSIGN_OR_RETURN(learner_, Learner::Restore(options_, static_cast<int64_t>(saved.labels.size()),
                                                          StateFor(*strategy_, saved), strategy_.get()));
  }
  return Status::Ok();
}

}  // namespace perennial::trainer
