#include "api/hub/trainer_group.h"

#include <algorithm>

#include "api/hub/dumping_trainer.h"
#include "storage/base/log.h"
#include "trainer/strategy.h"

namespace perennial::hub {
namespace {

constexpr auto kCheckpointWait = std::chrono::seconds(25);
// Long enough to hear of an immediate refusal, short enough for an answer before the candidate is made.
constexpr auto kPublishWait = std::chrono::milliseconds(250);

api::TrainerView ViewOf(const trainer::TrainerService& service) {
  const trainer::ServiceStatus status = service.GetStatus();
  api::TrainerView view;
  view.state = trainer::TrainerStateName(status.state);
  if (!status.error.ok()) view.error = status.error.ToString();
  view.cursor = status.trainer.cursor.value;
  view.backlog = status.backlog;
  view.steps = status.trainer.steps;
  view.samples_trained = status.trainer.samples_trained;
  view.samples_per_s = status.trainer.samples_per_s;
  view.loss = status.trainer.loss;
  view.labels = status.trainer.labels;
  view.replay_size = status.trainer.replay_size;
  view.replay_bytes = status.trainer.replay_bytes;
  view.compute_s = std::chrono::duration<double>(status.worked).count();
  return view;
}

api::EvaluationRecord RecordOf(const trainer::EvaluationRecord& from) {
  api::EvaluationRecord record;
  record.time_us = from.time_us;
  record.steps = from.steps;
  record.trained_until = from.trained_until;
  record.version = from.version;
  record.accepted = from.accepted;
  record.reason = from.reason;
  record.average_accuracy = from.report.average_accuracy;
  record.average_balanced_accuracy = from.report.average_balanced_accuracy;
  record.forgetting = from.report.forgetting;
  record.backward_transfer = from.report.backward_transfer;
  record.shipped = from.report.shipped;
  record.network_accuracy = from.report.network_accuracy;
  record.negative_flip_rate = from.report.negative_flip_rate;
  record.warning = from.report.warning;
  for (const trainer::SliceMetrics& slice : from.report.slices) {
    record.slices.push_back({.slice = slice.slice,
                             .samples = slice.samples,
                             .accuracy = slice.accuracy,
                             .balanced_accuracy = slice.balanced_accuracy});
  }
  return record;
}

void Tell(const std::string& name, const trainer::EvaluationRecord& made, const TrainerGroup::Parts& parts) {
  parts.journal.Append(name, RecordOf(made));
  parts.events.Publish("evaluation", {{"trainer", name},
                                      {"steps", made.steps},
                                      {"trained_until", made.trained_until},
                                      {"version", made.version.value},
                                      {"accepted", made.accepted},
                                      {"average_accuracy", made.report.average_accuracy},
                                      {"average_balanced_accuracy", made.report.average_balanced_accuracy},
                                      {"forgetting", made.report.forgetting},
                                      {"reason", made.reason}});
  // A shadow publishes nothing, so nothing is refused.
  if (name != "main" || made.accepted) return;
  log::Info("gate_refused", {{"trained_until", made.trained_until}, {"reason", made.reason}});
  parts.events.Publish("gate_refused", {{"trained_until", made.trained_until},
                                        {"steps", made.steps},
                                        {"average_accuracy", made.report.average_accuracy},
                                        {"reason", made.reason}});
}

Result<std::unique_ptr<trainer::TrainerService>> StartOne(trainer::TrainerOptions options,
                                                          trainer::ServiceOptions service, trainer::CandidateSink* sink,
                                                          const std::string& dump_folder,
                                                          const TrainerGroup::Parts& parts) {
  const std::string name = options.name;
  const media::DecodeLimits image_limits = options.image_limits;
  service.on_evaluation = [name, parts](const trainer::EvaluationRecord& record) { Tell(name, record, parts); };
  service.on_state = [name, before = service.on_state, &events = parts.events](trainer::TrainerState state,
                                                                               const Status& error) {
    if (before) before(state, error);
    events.Publish("trainer_state", {{"trainer", name},
                                     {"state", std::string(trainer::TrainerStateName(state))},
                                     {"error", error.ok() ? std::string() : error.ToString()}});
  };
  PERENNIAL_ASSIGN_OR_RETURN(auto trainer,
                             trainer::OnlineTrainer::Open(std::move(options), parts.log, parts.store, parts.clock));
  if (!dump_folder.empty()) {
    PERENNIAL_ASSIGN_OR_RETURN(
        trainer, DumpingTrainer::Wrap(std::move(trainer), name, dump_folder, image_limits, parts.log, parts.clock));
  }
  return trainer::TrainerService::Start(std::move(service), std::move(trainer), parts.log, sink, parts.clock);
}

constexpr char kRetrain[] = "retrain";

}  // namespace

trainer::TrainerOptions ShadowOf(const trainer::TrainerOptions& main, const std::string& strategy) {
  trainer::TrainerOptions options = main;
  options.name = strategy;
  options.strategy = strategy;
  options.interpolate = false;
  options.instant_width = 0;
  if (strategy == kRetrain) {
    // From the whole log: no bound but the disk.
    options.replay.capacity = uint64_t{1} << 30;
    options.replay.capacity_bytes = uint64_t{1} << 50;
  }
  return options;
}

Status ShadowOptions::Validate() const {
  PERENNIAL_RETURN_IF_ERROR(trainer::ComputeShare::Validate(share));
  if (retrain_every == 0) return InvalidArgument("--shadow-retrain-every is 0", "1 trains anew for every candidate");
  for (size_t i = 0; i < strategies.size(); ++i) {
    PERENNIAL_RETURN_IF_ERROR(trainer::MakeStrategy(strategies[i]).status().WithContext("--shadow"));
    if (std::count(strategies.begin(), strategies.begin() + static_cast<ptrdiff_t>(i), strategies[i]) > 0) {
      return InvalidArgument("--shadow names " + strategies[i] + " twice");
    }
  }
  return Status::Ok();
}

Result<std::unique_ptr<TrainerGroup>> TrainerGroup::Start(const trainer::TrainerOptions& trainer,
                                                          const trainer::ServiceOptions& service,
                                                          const ShadowOptions& shadows, const std::string& dump_folder,
                                                          const Parts& parts) {
  std::unique_ptr<TrainerGroup> group(new TrainerGroup(parts.log, parts.store));
  group->share_ = std::make_unique<trainer::ComputeShare>(shadows.share, shadows.strategies.size());
  trainer::ComputeShare& share = *group->share_;
  trainer::TrainerOptions main = trainer;
  main.name = "main";
  trainer::ServiceOptions main_service = service;
  main_service.on_work = [&share](Duration spent, bool idle) { share.MainWorked(spent, idle); };
  main_service.on_state = [&share](trainer::TrainerState state, const Status&) {
    share.MainRests(state != trainer::TrainerState::kRunning);
  };
  PERENNIAL_ASSIGN_OR_RETURN(group->main_, StartOne(main, main_service, &parts.sink, dump_folder, parts));
  for (size_t i = 0; i < shadows.strategies.size(); ++i) {
    const std::string& strategy = shadows.strategies[i];
    trainer::ServiceOptions paced = service;
    paced.may_work = [&share, i] { return share.MayWork(i); };
    paced.on_work = [&share, i](Duration spent, bool) { share.Worked(i, spent); };
    if (strategy == kRetrain) paced.candidate_every_samples *= shadows.retrain_every;
    PERENNIAL_ASSIGN_OR_RETURN(group->shadows_[strategy],
                               StartOne(ShadowOf(trainer, strategy), paced, nullptr, dump_folder, parts));
  }
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<std::string> erasing, parts.log.Erasing());
  if (!erasing.empty()) PERENNIAL_RETURN_IF_ERROR(group->DropIdleTrainers());
  return group;
}

Status TrainerGroup::Stop() {
  Status first = main_->Stop();
  for (const auto& [name, shadow] : shadows_) {
    const Status stopped = shadow->Stop();
    if (first.ok()) first = stopped;
  }
  return first;
}

api::TrainerView TrainerGroup::Main() const { return ViewOf(*main_); }

std::map<std::string, api::TrainerView> TrainerGroup::Shadows() const {
  std::map<std::string, api::TrainerView> views;
  for (const auto& [name, shadow] : shadows_) views[name] = ViewOf(*shadow);
  return views;
}

Status TrainerGroup::Pause() {
  main_->Pause();
  return Status::Ok();
}

Status TrainerGroup::Resume() {
  main_->Resume();
  // They are never paused, but what failed is tried again: nothing is erased before they have let go.
  for (const auto& [name, shadow] : shadows_) shadow->Resume();
  return Status::Ok();
}

Status TrainerGroup::Checkpoint() { return main_->Checkpoint(std::chrono::steady_clock::now() + kCheckpointWait); }

Status TrainerGroup::RequestPublish() {
  if (main_->GetStatus().trainer.steps == 0) {
    return FailedPrecondition("nothing was learned yet", "feed labelled samples, then POST /api/v1/samples/flush");
  }
  const Status made = main_->PublishNow(std::chrono::steady_clock::now() + kPublishWait).status();
  // The request stands and is carried out.
  return made.code() == Code::kDeadlineExceeded ? Status::Ok() : made;
}

Status TrainerGroup::DropIdleTrainers() {
  PERENNIAL_ASSIGN_OR_RETURN(const std::vector<samples::ReaderInfo> readers, log_.Readers());
  for (const samples::ReaderInfo& reader : readers) {
    if (reader.reader == "main" || shadows_.contains(reader.reader)) continue;
    log::Warn("idle_trainer_dropped", {{"trainer", reader.reader}, {"why", "a source is to be forgotten"}});
    PERENNIAL_RETURN_IF_ERROR(trainer::OnlineTrainer::Drop(reader.reader, log_, store_));
  }
  return Status::Ok();
}

}  // namespace perennial::hub
