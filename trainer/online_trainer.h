#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "replay/replay_options.h"
#include "storage/base/clock.h"
#include "storage/base/ids.h"
#include "storage/base/status.h"
#include "storage/format/model_spec.h"
#include "storage/format/version_image.h"
#include "storage/kv/kv_store.h"
#include "storage/media/image.h"
#include "storage/samples/sample_log.h"
#include "trainer/flips.h"
#include "trainer/gate.h"
#include "trainer/step_schedule.h"

namespace perennial::trainer {

class Strategy;

struct AugmentOptions {
  double illumination = 0.0;  // largest relative change of brightness and contrast
  double noise = 0.0;         // largest standard deviation, share of full scale
  double occlusion = 0.0;     // chance of one grey rectangle
  double cutmix = 0.0;  // chance that a sample's picture is mixed (image-only labels; off for questions about pictures)
  int shift = 2;        // largest translation in pixels, edges repeated
  double rotate = 0.0;  // largest rotation, degrees
  double scale = 0.0;   // largest relative change of width and of height, each drawn on its own
  double shear = 0.0;   // largest horizontal shear
  double share = 1.0;   // chance that a picture is changed at all (CutMix apart)
  // Chance that left and right, or top and bottom, change places. Never in a picture with a text, which may ask where
  // something is.
  double mirror = 0.0;
  double flip = 0.0;
  // What holds for a picture with a text: the same without mirror and flip.
  AugmentOptions WithText() const;
  Status Validate() const;
};

struct TrainerOptions {
  std::string name = "main";  // separates several trainers in one store ("naive")
  format::ModelSpec spec;
  std::string strategy = "er";  // trainer/strategy.h: "er", "naive", ...
  // The closed-form head beside the network (trainer/instant_learner.h): number of its random features, 0: none. It
  // takes 4 width^2 bytes, and as much again as a factor while it is solved.
  int64_t instant_width = 0;
  uint64_t instant_seed = 1;  // draws the features
  // Candidates of the instant head alone, between those of the network: made when a label that the published network
  // does not know has `instant_first` samples, and whenever these have doubled since, or, while nothing else comes,
  // grown by an eighth; and after `instant_every` samples of any kind. 0: not for that reason.
  uint64_t instant_first = 5;
  uint64_t instant_every = 0;
  replay::ReplayOptions replay;
  size_t new_per_step = 10;
  size_t replay_per_step = 64;
  // At most this share of a batch's new samples, and of a step's replayed ones, is of one source; 0 or 1: no limit.
  // What comes beyond it waits for later batches, in order, at most 32 batches' worth: then batches are smaller than
  // new_per_step, and their steps as much smaller. Replayed samples beyond it are not drawn. It takes a few sources to
  // fill a step: with one, all steps are as small as the share.
  double source_batch_share = 0;
  StepScheduleOptions schedule;     // steps on each batch of new samples
  std::string optimiser = "adamw";  // or "sgd"; with its rates see UseRecipeOf
  double learning_rate = 5e-4;      // with weight decay chosen on held-out training images of easy_vqa
  double weight_decay = 0.1;        // on all parameters
  double momentum = 0.0;            // of sgd; adamw has its own
  double max_gradient_norm = 1.0;
  uint64_t warmup_steps = 50;
  // Of the moving average of the weights that may ship; reached after a warm-up: min(ema_decay, (1 + step) / (10 +
  // step)).
  double ema_decay = 0.998;
  // Of the average that teaches the student (distillation), when it is to be another one; 0: the same average.
  double teacher_decay = 0;
  AugmentOptions augment;
  media::DecodeLimits image_limits;  // those the log takes pictures by
  uint64_t seed = 1;
  uint64_t checkpoint_every_steps = 500;  // after the batch in which that many are done
  int decode_threads = 1;
  std::string device = "cpu";  // "cpu" or "cuda"
  // How a step runs (trainer/device_step.h). "host": values are looked at as they come, as a CPU does it. "device":
  // nothing waits for the device. "graph": the same, recorded and replayed where that is possible. "auto": host on a
  // CPU, graph on CUDA.
  std::string step = "auto";
  // Of the arithmetic on CUDA: "float32", "tf32" (convolutions and products round their inputs to 11 bits, as PyTorch's
  // convolutions do by default), "bfloat16" (autocast; weights, sums and averages stay 32 bits). A CPU has float32
  // only.
  std::string precision = "float32";
  uint64_t evaluation_cache_bytes = 256u << 20;  // decoded held-out pictures kept in memory
  GateOptions gate;
  // When the gate refuses student and average, candidates between them and the published weights are tried. Not for a
  // trainer that shows what a method does by itself.
  bool interpolate = true;
  // Called once a batch is trained, with the number of its last step and the offsets of its new samples, on the driving
  // thread: lineage, and tests.
  std::function<void(uint64_t step, const std::vector<Offset>& fresh)> on_step;
  // Called when a step's loss is known, which on a GPU is during the next one.
  std::function<void(uint64_t step, double loss)> on_loss;
  // Makes the strategy by its name; unset: MakeStrategy. For methods of one's own, and tests.
  std::function<Result<std::unique_ptr<Strategy>>(std::string_view name)> make_strategy;
  // Optimiser, rates, schedule and augmentation as they were chosen for the spec's family.
  void UseRecipeOf(const format::ModelSpec& network);
  Status Validate() const;
};

struct SliceMetrics {
  std::string slice;
  uint64_t samples = 0;
  double accuracy = 0;
  double balanced_accuracy = 0;  // mean recall over the classes present
  double best_accuracy = 0;      // best ever published (forgetting = best - now)
  double learned_accuracy =
      0;  // at the end of the slice's own part of the stream, for backward transfer; NaN until known
  uint64_t gate_samples =
      0;  // the gate's own held-out samples of the slice (not the test part where it can do without)
  uint64_t gate_correct = 0;
};

// Evaluation of one set of weights, as shipped (quantised), on held-out samples of the slices trained on so far: on a
// slice's explicit test part where it has one, else on its drawn share. The choice between student and EMA and the
// gate's verdict use the drawn share (see trainer/evaluator.h), so that the test part only reports.
struct EvaluationReport {
  std::vector<SliceMetrics> slices;
  double average_accuracy = 0;  // mean over slices
  double average_balanced_accuracy = 0;
  double forgetting = 0;         // mean over slices of max(0, best - now)
  double backward_transfer = 0;  // mean over slices but the last of (now - learned)
  // "student", "ema", or weights between them and the published ones: "interpolated 0.43", "interpolated 0.43 to
  // student", with ", offset -1.5" where the newest labels' logits were shifted.
  std::string shipped;
  bool head_only = false;     // the network is the published one, only the instant head is new
  uint64_t head_samples = 0;  // then: samples that the head knows
  uint64_t steps = 0;         // with trained_until the candidate's fingerprint: equal state, equal candidate
  uint64_t trained_until = 0;
  // What lies at or behind here is not in it. With a limit on sources samples wait before it, and for those alone
  // trained_until lies earlier; a head_only version has also those that wait.
  uint64_t read_until = 0;
  uint64_t forgotten_until = 0;   // the forget entries before here were carried out
  bool trained_anew = false;      // from nothing, on what was remembered then: nothing else is in the network
  double network_accuracy = 0;    // average_accuracy of the better of student and average, whatever shipped
  double negative_flip_rate = 0;  // share that the published version had right and this one has wrong; NaN: unknown
  uint64_t flips_compared = 0;    // the samples it is a share of
  uint64_t flips_lost = 0;
  uint64_t flips_won = 0;  // the opposite kind
  std::string warning;     // slices that declined over several versions; empty: none
  std::string ToJson() const;
};

struct Candidate {
  format::VersionImage image;
  EvaluationReport report;
  // The report of the better of student and average, when something else is the candidate.
  std::optional<EvaluationReport> network;
  std::optional<format::VersionImage> network_image;  // and the network itself as it would ship
  FlipReport flips;
  double saturated_ratio = 0;
  bool accepted = false;         // the gate's word
  std::string reason;            // why, in words, with numbers
  int64_t newest_sample_us = 0;  // arrival of the newest sample learned
};

struct TrainerStatus {
  Offset cursor;           // next log entry to read
  Offset forgotten_until;  // the forget entries before here are carried out
  uint64_t steps = 0;  // of the optimiser
  uint64_t samples_trained = 0;
  uint64_t waiting = 0;  // samples that were read and wait for a full batch, or by the limit for a later one
  double loss = 0;       // running mean
  double samples_per_s = 0;
  size_t labels = 0;
  size_t replay_size = 0;
  uint64_t replay_bytes = 0;
  uint64_t instant_bytes = 0;  // what the instant head has instead of a buffer: its statistics
  uint64_t skipped_steps = 0;  // steps not applied because loss or gradient was not finite
  // A flush entry was passed, and something was trained, since the last MakeCandidate; or a publish was still owed when
  // the last run ended.
  bool flush_due = false;
};

// Learns from the log, one pass, with replay. A batch is a function of log offsets and state, never of arrival time;
// cursor, weights, EMA, optimiser, random state, labels and replay are saved in one atomic batch, so after a kill -9
// the run goes on bit-identically (one compute thread). Decoding and augmentation run ahead on own threads, keyed by
// (seed, offset). A forget entry is carried out where it stands in the log and saved at once; then the log hears of it,
// so that nothing is erased that a resumed trainer still needs. Thread rule: one thread drives it; GetStatus is
// thread-safe.
class OnlineTrainer {
 public:
  static std::vector<std::string> Families();
  static Result<std::unique_ptr<OnlineTrainer>> Open(TrainerOptions options, samples::SampleLog& log,
                                                     kv::KvStore& store, const Clock& clock);
  virtual ~OnlineTrainer() = default;
  // Deletes all that the trainer `name` has saved, and the log waits for it no longer. For one that is not run any
  // more: it could not let go of what is to be forgotten. REQUIRES it is not open.
  static Status Drop(std::string_view name, samples::SampleLog& log, kv::KvStore& store);

  enum class StepOutcome : uint8_t { kStepped, kNoData };
  // The next `new_per_step` trainable entries (fewer before a flush entry): as many optimiser steps on them as the
  // schedule says, each with replayed samples of its own. Waits for entries until `deadline`. After an error the next
  // call goes on at the step that failed, with the same random numbers; what was learned before it stays.
  virtual Result<StepOutcome> Step(SteadyTime deadline) = 0;
  // Saves everything, synced. Also called by Step every checkpoint_every_steps.
  virtual Status Checkpoint() = 0;
  // Quantises student and EMA with frozen scales (fresh ones when `frozen` is null), evaluates both on held-out
  // samples, picks the better, asks the gate against what is published; when it refuses, weights between the two are
  // tried (trainer/candidate_maker.h). `max_per_slice` bounds the evaluation (0: all).
  virtual Result<Candidate> MakeCandidate(const format::VersionImage* frozen, uint64_t new_scale_set,
                                          size_t max_per_slice) = 0;
  // From any thread, for good: what takes long within MakeCandidate ends soon, with kCancelled, and is done again by
  // whoever opens the checkpoint.
  virtual void Interrupt() {}
  // Whether a candidate of the instant head alone is due (TrainerOptions::instant_first, instant_every). False without
  // a head, and before it is known what is published.
  // `idle`: the log has nothing more to read.
  virtual bool InstantDue(bool /*idle*/) const { return false; }
  // The cadence of seconds: what is published, with an instant head that knows every sample that came, also those that
  // wait for a full batch; the network stays as it is. Judged by the gate like any other; a label that is new counts as
  // a gain. Nothing of the trainer's state changes but what InstantDue goes by. kFailedPrecondition without a head, or
  // while nothing is published.
  virtual Result<Candidate> MakeInstantCandidate(size_t /*max_per_slice*/) {
    return FailedPrecondition("this trainer has no instant head", "set instant_width");
  }
  // The candidate was published: its metrics become the gate's reference, and no publish is owed; part of the next
  // checkpoint.
  virtual void Published(const Candidate& candidate, VersionId version) = 0;
  // What is published now, where others than this trainer decide it (a trial was rolled back, an operator went back to
  // an older version, or the process was killed between publishing and saving). The next candidates are held against
  // it, and lie between it and what was learned. Until it is called: the candidate that Published() named last.
  virtual void SetPublished(std::shared_ptr<const format::VersionImage> image) = 0;
  // An accepted candidate waits to be published, or no longer does. Part of the next checkpoint: whoever opens one with
  // a publish owed finds flush_due, and makes the candidate again.
  virtual void SetPublishOwed(bool owed) = 0;
  // SHA-256 over all weights, optimiser and strategy state and the whole replay memory, logits included: equal runs
  // have equal fingerprints.
  virtual Hash256 Fingerprint() = 0;
  virtual TrainerStatus GetStatus() const = 0;
};

}  // namespace perennial::trainer
