#include "api/bench/continual_run.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <unordered_map>
#include <utility>

#include "api/bench/continual_exam.h"
#include "api/bench/scale_keeper.h"
#include "storage/kv/kv_store.h"
#include "storage/samples/sample_log.h"
#include "trainer/batch_assembler.h"
#include "trainer/instant_statistics.h"
#include "trainer/online_trainer.h"

namespace perennial::bench {
namespace {

using trainer::OnlineTrainer;

constexpr size_t kBatch = 256;
constexpr int kMostWaits = 20;               // of half a minute
constexpr size_t kPrequentialSamples = 100;  // between two candidates, evenly spread

Result<trainer::TrainerOptions> MakeOptions(const ContinualStream& stream, const ContinualOptions& options,
                                            uint64_t seed) {
  trainer::TrainerOptions out;
  PERENNIAL_ASSIGN_OR_RETURN(const format::ModelSpec spec, NetworkOf(options));
  out.UseRecipeOf(spec);
  out.strategy = options.TrainerStrategy();
  out.instant_width = *options.instant_width;
  using Policy = replay::ReplayOptions::Policy;
  out.replay.policy = options.policy == "reservoir" ? Policy::kReservoir
                      : options.policy == "herding" ? Policy::kHerding
                                                    : Policy::kClassBalanced;
  out.replay.capacity = options.buffer;
  if (options.buffer_bytes > 0) {
    const uint64_t head = out.instant_width == 0
                              ? 0
                              : trainer::InstantStatistics::MostBytes(out.instant_width,
                                                                      static_cast<int64_t>(stream.data->labels.size()));
    if (head >= options.buffer_bytes) {
      return InvalidArgument("an instant head of width " + std::to_string(out.instant_width) + " takes " +
                                 std::to_string(head) + " of the " + std::to_string(options.buffer_bytes) +
                                 " bytes, which leaves none for the replay memory",
                             "give more --buffer-bytes or a smaller --instant-width");
    }
    out.replay.capacity = uint64_t{1} << 30;
    out.replay.capacity_bytes = options.buffer_bytes - head;
  } else {
    out.replay.capacity_bytes = uint64_t{1} << 50;  // `buffer` alone bounds it
  }
  if (options.strategy == "joint" || options.strategy == "retrain") {
    // joint, the upper bound: the replay strategies' steps and batches, drawn from everything seen so far.
    out.replay.capacity = std::max<uint64_t>(1, stream.TrainSize());
    out.replay.capacity_bytes = uint64_t{1} << 50;
  }
  using Payload = replay::ReplayOptions::Payload;
  out.replay.payload = options.payload == "raw"       ? Payload::kRaw
                       : options.payload == "deflate" ? Payload::kDeflate
                       : options.payload == "jpeg"    ? Payload::kJpeg
                                                      : Payload::kAsSent;
  out.replay.source_share = options.source_share;
  out.source_batch_share = options.source_batch_share;
  if (options.learning_rate > 0) out.learning_rate = options.learning_rate;
  out.max_gradient_norm = options.max_gradient_norm.value_or(out.max_gradient_norm);
  trainer::StepScheduleOptions& schedule = out.schedule;
  schedule.least = options.steps_per_batch.value_or(schedule.least);
  schedule.most = std::max(schedule.least, options.most_steps_per_batch.value_or(schedule.most));
  schedule.label_samples = options.label_samples.value_or(schedule.label_samples);
  if (options.augment == "off") {
    out.augment = trainer::AugmentOptions{};
    out.augment.shift = 0;
  }
  out.seed = seed;
  out.checkpoint_every_steps = uint64_t{1} << 40;  // nothing to resume
  return out;
}

// One run: the log, the trainer, and what was noted.
class Run {
 public:
  Run(const ContinualStream& stream, const ContinualOptions& options, uint64_t seed)
      : stream_(stream), options_(options), seed_(seed), exam_(stream, options.exam) {
    for (uint32_t i = 0; i < stream.slices.size(); ++i) number_of_.emplace(stream.slices[i], i);
  }

  Result<ContinualRecord> Go() {
    PERENNIAL_RETURN_IF_ERROR(Open());
    const uint64_t total = stream_.TrainSize();
    const uint64_t wanted = options_.versions > 0 ? options_.versions : std::clamp<uint64_t>(total / 500, 25, 64);
    every_ = std::max<uint64_t>(1, total / wanted);
    for (size_t part = 0; part < stream_.parts.size(); ++part) {
      const bool last = part + 1 == stream_.parts.size();
      PERENNIAL_RETURN_IF_ERROR(Append(stream_.parts[part].items, false));
      if (last) PERENNIAL_RETURN_IF_ERROR(log_->AppendFlush().status());
      PERENNIAL_RETURN_IF_ERROR(TrainPart(last));
      if (!last) PERENNIAL_RETURN_IF_ERROR(NotePartEnd());
      if (!last) ended_.push_back(static_cast<uint32_t>(part));
    }
    PERENNIAL_RETURN_IF_ERROR(Finish());
    const trainer::TrainerStatus status = trainer_->GetStatus();
    record_.samples_trained = status.samples_trained;
    record_.steps = status.steps;
    record_.buffer_bytes = status.replay_bytes + status.instant_bytes;
    record_.train_s = std::chrono::duration<double>(training_).count();
    record_.evaluation_s = std::chrono::duration<double>(evaluating_).count();
    if (status.skipped_steps > 0) {
      std::fprintf(stderr, "%llu steps were not applied: loss or gradient was not finite\n",
                   static_cast<unsigned long long>(status.skipped_steps));
    }
    return std::move(record_);
  }

 private:
  Status Open() {
    std::vector<std::string> families = samples::SampleLog::Families();
    for (const std::string& family : OnlineTrainer::Families()) families.push_back(family);
    store_ = kv::OpenMemory(families);
    samples::SampleLogOptions log_options;
    log_options.seed = seed_;
    log_options.held_out_share = 0;  // the stream drew the gate's share itself
    PERENNIAL_ASSIGN_OR_RETURN(log_, samples::SampleLog::Open(*store_, log_options, clock_));
    for (const auto& gate : stream_.gate) PERENNIAL_RETURN_IF_ERROR(Append(gate, true));
    PERENNIAL_ASSIGN_OR_RETURN(trainer::TrainerOptions trainer_options, MakeOptions(stream_, options_, seed_));
    batch_ = trainer_options.new_per_step;
    most_waiting_ = trainer::SourceLimit::Of(trainer_options.source_batch_share, batch_).most_waiting;
    trainer_options.on_step = [this](uint64_t, const std::vector<Offset>& fresh) {
      for (const Offset offset : fresh) since_.push_back(item_at_[offset.value]);
    };
    PERENNIAL_ASSIGN_OR_RETURN(trainer_, OnlineTrainer::Open(std::move(trainer_options), *log_, *store_, clock_));
    return Status::Ok();
  }

  Status Append(const std::vector<StreamItem>& items, bool held_out) {
    for (size_t begin = 0; begin < items.size(); begin += kBatch) {
      const size_t end = std::min(items.size(), begin + kBatch);
      std::vector<format::Sample> batch;
      for (size_t i = begin; i < end; ++i) {
        PERENNIAL_ASSIGN_OR_RETURN(format::Sample sample, stream_.Make(items[i]));
        // The log's word for "evaluated on, never trained on"; the data's test part is not in the log.
        if (held_out) sample.part = format::Part::kTest;
        batch.push_back(std::move(sample));
      }
      PERENNIAL_ASSIGN_OR_RETURN(const auto outcomes, log_->Append(std::move(batch)));
      for (size_t i = begin; i < end; ++i) {
        const samples::AppendOutcome& outcome = outcomes[i - begin];
        if (outcome.state != samples::AppendOutcome::State::kAccepted) {
          return Internal("sample " + stream_.IdOf(items[i]) + " was not taken: " + outcome.error.ToString());
        }
        if (item_at_.size() <= outcome.offset.value) item_at_.resize(outcome.offset.value + 1);
        item_at_[outcome.offset.value] = items[i];
        appended_ += held_out ? 0 : 1;
      }
    }
    return Status::Ok();
  }

  // A batch that is not full yet takes its rest from the next part: the trainer knows no boundary. How much is trained
  // is counted in samples, so that a slow machine changes nothing.
  Status TrainPart(bool last) {
    // With a limit on sources some samples wait for the next part as well.
    const uint64_t later = most_waiting_ == 0 ? appended_ % batch_ : std::min(appended_, most_waiting_ + batch_);
    const uint64_t enough = last ? appended_ : appended_ - later;
    for (int waits = 0; trainer_->GetStatus().samples_trained < enough;) {
      const SteadyTime began = clock_.Now();
      PERENNIAL_ASSIGN_OR_RETURN(const auto outcome, trainer_->Step(clock_.In(std::chrono::seconds(30))));
      if (outcome != OnlineTrainer::StepOutcome::kStepped) {
        if (++waits < kMostWaits) continue;
        return DeadlineExceeded("the trainer waits for samples that are in its log: " +
                                    std::to_string(trainer_->GetStatus().samples_trained) + " of " +
                                    std::to_string(enough) + " are trained on",
                                "is the machine overloaded?");
      }
      waits = 0;
      training_ += clock_.Now() - began;
      if (const uint64_t due = trainer_->GetStatus().samples_trained / every_; due > due_) {
        due_ = due;
        PERENNIAL_RETURN_IF_ERROR(Consider());
      }
    }
    return Status::Ok();
  }

  // Student or average, whatever the gate made of it.
  static const format::VersionImage& NetworkOf(const trainer::Candidate& candidate) {
    return candidate.network_image ? *candidate.network_image : candidate.image;
  }

  Result<trainer::Candidate> MakeCandidate() {
    // The gate's share is as large as it may be: all of it counts.
    return trainer_->MakeCandidate(scales_.Frozen(), scales_.NextScaleSet(), 0);
  }

  std::vector<uint32_t> SeenBy(const format::VersionImage& image) const {
    std::vector<uint32_t> seen;
    for (const std::string& slice : image.slices) seen.push_back(number_of_.at(slice));
    std::sort(seen.begin(), seen.end());
    return seen;
  }

  // A candidate: judged, and served when the gate lets it pass.
  Status Consider() {
    const SteadyTime began = clock_.Now();
    PERENNIAL_RETURN_IF_ERROR(AskStream());
    PERENNIAL_ASSIGN_OR_RETURN(last_, MakeCandidate());
    Moment moment;
    moment.samples = trainer_->GetStatus().samples_trained;
    moment.seen = SeenBy(last_.image);
    for (const uint32_t slice : ended_) {
      if (std::binary_search(moment.seen.begin(), moment.seen.end(), slice)) moment.ended.push_back(slice);
    }
    if (!moment.ended.empty()) {
      PERENNIAL_ASSIGN_OR_RETURN(const Exam::Candidate network, exam_.Load(NetworkOf(last_), Exam::Part::kNetwork));
      moment.network.seen = moment.seen;
      for (const uint32_t slice : moment.ended) {
        PERENNIAL_RETURN_IF_ERROR(exam_.AskDrawn(network, slice, moment.network.tests[slice]));
      }
    }
    moment.accepted = last_.accepted;
    moment.new_scales = last_.image.scale_set == scales_.NextScaleSet();
    moment.shipped = last_.report.shipped;
    moment.reason = last_.reason;
    if (last_.accepted) PERENNIAL_RETURN_IF_ERROR(Publish(moment));
    moment.served = record_.versions.size();
    if (moment.served > 0) {
      Respondent& served = record_.versions.back();
      for (const uint32_t slice : moment.seen) {
        if (served.tests.count(slice) == 0) {
          PERENNIAL_RETURN_IF_ERROR(exam_.AskDrawn(served_, slice, served.tests[slice]));
        }
      }
    }
    record_.moments.push_back(std::move(moment));
    evaluating_ += clock_.Now() - began;
    return Status::Ok();
  }

  Status Publish(const Moment& moment) {
    PERENNIAL_ASSIGN_OR_RETURN(served_, exam_.Load(last_.image));
    Respondent version;
    version.seen = moment.seen;
    for (const uint32_t slice : moment.seen) {
      PERENNIAL_RETURN_IF_ERROR(exam_.AskGate(served_, slice, version.gate[slice]));
    }
    record_.versions.push_back(std::move(version));
    PERENNIAL_RETURN_IF_ERROR(scales_.NotePublished(last_.image, last_.saturated_ratio));
    trainer_->Published(last_, VersionId{record_.versions.size()});
    return Status::Ok();
  }

  // What the live version would have answered to the samples that came in since the last candidate.
  Status AskStream() {
    std::vector<StreamItem> came = std::exchange(since_, {});
    if (record_.versions.empty() || came.empty()) return Status::Ok();
    std::vector<StreamItem> asked;
    const size_t step = std::max<size_t>(1, came.size() / kPrequentialSamples);
    for (size_t i = 0; i < came.size(); i += step) asked.push_back(came[i]);
    std::vector<Answer> answers;
    PERENNIAL_RETURN_IF_ERROR(exam_.AskItems(served_, asked, answers));
    for (const Answer& answer : answers) {
      record_.stream.push_back({asked[answer.at], record_.versions.size(), answer.predicted, answer.confidence});
    }
    return Status::Ok();
  }

  // The network where a part ends; nobody publishes it for that.
  Status NotePartEnd() {
    if (trainer_->GetStatus().steps == 0) {  // a part that does not fill one batch
      record_.part_ends.emplace_back();
      return Status::Ok();
    }
    const SteadyTime began = clock_.Now();
    PERENNIAL_ASSIGN_OR_RETURN(const trainer::Candidate candidate, MakeCandidate());
    PERENNIAL_RETURN_IF_ERROR(AskPartEnd(NetworkOf(candidate)));
    evaluating_ += clock_.Now() - began;
    return Status::Ok();
  }

  Status AskPartEnd(const format::VersionImage& image) {
    PERENNIAL_ASSIGN_OR_RETURN(const Exam::Candidate who, exam_.Load(image, Exam::Part::kNetwork));
    Respondent network;
    network.seen = SeenBy(image);
    for (const uint32_t slice : network.seen) {
      PERENNIAL_RETURN_IF_ERROR(exam_.AskDrawn(who, slice, network.tests[slice]));
    }
    record_.part_ends.push_back(std::move(network));
    return Status::Ok();
  }

  Status Finish() {
    if (trainer_->GetStatus().steps == 0) return InvalidArgument("the stream is empty: nothing was trained");
    const bool considered =
        !record_.moments.empty() && record_.moments.back().samples == trainer_->GetStatus().samples_trained;
    if (!considered) PERENNIAL_RETURN_IF_ERROR(Consider());
    const SteadyTime began = clock_.Now();
    PERENNIAL_RETURN_IF_ERROR(AskPartEnd(NetworkOf(last_)));
    PERENNIAL_ASSIGN_OR_RETURN(const Exam::Candidate network, exam_.Load(NetworkOf(last_), Exam::Part::kNetwork));
    for (uint32_t slice = 0; slice < stream_.slices.size(); ++slice) {
      PERENNIAL_RETURN_IF_ERROR(exam_.AskAll(network, slice, record_.network.tests[slice]));
      PERENNIAL_RETURN_IF_ERROR(exam_.AskAll(served_, slice, record_.served.tests[slice]));
    }
    if (last_.image.instant) {
      PERENNIAL_ASSIGN_OR_RETURN(const Exam::Candidate instant, exam_.Load(last_.image, Exam::Part::kInstant));
      for (uint32_t slice = 0; slice < stream_.slices.size(); ++slice) {
        PERENNIAL_RETURN_IF_ERROR(exam_.AskAll(instant, slice, record_.instant.tests[slice]));
      }
    }
    evaluating_ += clock_.Now() - began;
    return Status::Ok();
  }

  const ContinualStream& stream_;
  const ContinualOptions& options_;
  const uint64_t seed_;
  Exam exam_;
  SystemClock clock_;
  std::unordered_map<std::string, uint32_t> number_of_;  // of a slice
  std::unique_ptr<kv::KvStore> store_;
  std::unique_ptr<samples::SampleLog> log_;
  std::vector<StreamItem> item_at_;  // by offset
  std::unique_ptr<OnlineTrainer> trainer_;
  size_t batch_ = 1;
  uint64_t most_waiting_ = 0;  // because their source is over its limit
  uint64_t appended_ = 0;      // to train on

  ContinualRecord record_;
  ScaleKeeper scales_;
  Exam::Candidate served_;
  trainer::Candidate last_;
  std::vector<uint32_t> ended_;
  std::vector<StreamItem> since_;  // trained on since the last candidate
  uint64_t every_ = 1;
  uint64_t due_ = 0;
  Duration training_{0}, evaluating_{0};
};

}  // namespace

Result<format::ModelSpec> NetworkOf(const ContinualOptions& options) {
  return format::ModelSpec::Preset(options.network == "compact" ? "tiny" : options.network);
}

Result<ContinualRecord> RunSeed(const ContinualStream& stream, const ContinualOptions& options, uint64_t seed) {
  return Run(stream, options, seed).Go();
}

}  // namespace perennial::bench
