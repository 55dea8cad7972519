#include "serving/engine.h"

#include <atomic>
#include <utility>

#include "serving/admission.h"
#include "serving/batcher.h"
#include "serving/engine_core.h"
#include "serving/fit_input.h"
#include "serving/metrics.h"
#include "serving/monitor/answer_memory.h"
#include "serving/network_predictor.h"
#include "serving/slots.h"
#include "storage/base/log.h"

namespace perennial::serving {
namespace {

double Seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

BatcherOptions ToBatcherOptions(const EngineOptions& options) {
  return {options.max_batch, options.max_batch_delay, options.max_queue, options.compute_threads};
}

class EngineImpl final : public Engine {
 public:
  EngineImpl(EngineOptions options, const Clock& clock, std::unique_ptr<PredictorFactory> factory)
      : options_(std::move(options)),
        clock_(clock),
        next_id_(static_cast<uint64_t>(clock.WallMicros())),
        answers_(options_.remembered_answers),
        slots_(std::move(factory), options_.max_batch),
        batcher_(ToBatcherOptions(options_), clock, [this](size_t size) { metrics_.Batch(size); }) {}

  Result<InferAnswer> Infer(InferRequest request) override {
    std::vector<InferRequest> one;
    one.push_back(std::move(request));
    PERENNIAL_ASSIGN_OR_RETURN(auto answers, InferAll(std::move(one)));
    return std::move(answers.front());
  }

  Result<std::vector<InferAnswer>> InferAll(std::vector<InferRequest> requests) override {
    auto answers = Answer(std::move(requests));
    ++requests_;
    if (!answers.ok()) {
      ++failures_;
      metrics_.Failure(answers.status().code());
    }
    return answers;
  }

  EngineStatus GetStatus() const override {
    const auto routing = slots_.Current();
    EngineStatus status;
    if (routing->stable != nullptr) {
      status.stable = routing->stable->version;
      status.labels = routing->stable->image->labels;
    }
    if (routing->candidate != nullptr) {
      status.candidate = routing->candidate->version;
      status.candidate_permille = routing->permille;
    }
    status.requests = requests_;
    status.failures = failures_;
    status.swaps = swaps_;
    return status;
  }

  std::string MetricsText() const override {
    const auto routing = slots_.Current();
    std::vector<Metrics::Slot> slots;
    for (const bool canary : {false, true}) {
      const ServedPtr& served = canary ? routing->candidate : routing->stable;
      if (served == nullptr) continue;
      slots.push_back({canary, options_.model_name, served->version.ToString(), served->root.Short(),
                       routing->ArmOf(served)->Confidence()});
    }
    return metrics_.Text(slots, batcher_.queue_depth(), routing->permille);
  }

  // updater::UpdateSink
  Status Stage(const updater::StagedVersion& staged) override { return slots_.Stage(staged); }

  Status Activate(VersionId version, updater::TrialWeight weight) override {
    bool fresh = false;
    PERENNIAL_RETURN_IF_ERROR(slots_.Activate(version, weight.permille, fresh));
    if (fresh) {
      log::Info("trial_started", {{"version", version.value}, {"permille", static_cast<uint64_t>(weight.permille)}});
    }
    return Status::Ok();
  }

  Status Confirm(VersionId version) override {
    bool changed = false;
    PERENNIAL_RETURN_IF_ERROR(slots_.Confirm(version, changed));
    if (!changed) return Status::Ok();
    ++swaps_;
    metrics_.Swap();
    log::Debug("version_confirmed", {{"version", version.value}});
    return Status::Ok();
  }

  Status Revert(VersionId version) override {
    PERENNIAL_RETURN_IF_ERROR(slots_.Revert(version));
    log::Info("version_reverted", {{"version", version.value}});
    return Status::Ok();
  }

  // updater::Evidence
  std::vector<updater::ArmCounts> Counts() const override {
    const auto routing = slots_.Current();
    std::vector<updater::ArmCounts> counts;
    for (const monitor::ArmPtr& arm : {routing->stable_arm, routing->candidate_arm}) {
      if (arm != nullptr) counts.push_back(arm->Counts());
    }
    return counts;
  }

  // updater::FeedbackSink
  bool Feedback(const std::string& request_id, const std::string& label) override {
    auto answer = answers_.Take(request_id);
    if (!answer) answer = answers_.Take(options_.node_name + ":" + request_id);
    if (!answer) return false;
    const bool correct = answer->label == label;
    if (answer->arm != nullptr) answer->arm->CountFeedback(answer->confidence, correct);
    metrics_.Feedback(answer->trial, correct);
    return true;
  }

 private:
  // One version's place in the routing a request was admitted by.
  struct Place {
    ServedPtr served;
    monitor::ArmPtr arm;  // null when the request is pinned: clients must not choose what counts as evidence
    bool trial = false;
  };
  static Place PlaceOf(const Routing& routing, ServedPtr served, bool pinned) {
    Place place;
    if (!pinned) place.arm = routing.ArmOf(served);
    place.trial = served == routing.candidate;
    place.served = std::move(served);
    return place;
  }

  Result<std::vector<InferAnswer>> Answer(std::vector<InferRequest> requests) {
    const SteadyTime admitted = clock_.Now();
    const SteadyTime deadline = std::chrono::steady_clock::now() + options_.request_timeout;
    if (requests.empty() || requests.size() > kMaxSamplesPerCall) {
      return InvalidArgument("a call must hold 1 to " + std::to_string(kMaxSamplesPerCall) + " samples");
    }
    for (InferRequest& request : requests) {
      if (request.id.empty()) request.id = std::to_string(next_id_++);
    }
    const auto routing = slots_.Current();
    const bool pinned = requests.front().pinned.has_value();
    PERENNIAL_ASSIGN_OR_RETURN(ServedPtr chosen, Choose(*routing, requests.front()));
    Place place = PlaceOf(*routing, std::move(chosen), pinned);
    Batcher::Arrival arrival(batcher_);
    std::vector<DecodedInput> inputs;
    for (const InferRequest& request : requests) {
      PERENNIAL_ASSIGN_OR_RETURN(inputs.emplace_back(), DecodeRequest(request, options_.image_limits));
    }
    auto outcomes = RunOn(place, inputs, deadline, arrival);
    const bool broke = !outcomes.ok() && outcomes.status().code() == Code::kInternal;
    if (broke && pinned) {
      // Who asked for one version wants its answer or none: another version's would be taken for it.
      return Status(Code::kInternal,
                    "version " + place.served->version.ToString() +
                        ", which the request asked for, broke: " + outcomes.status().message(),
                    "ask without a version, or for another one");
    }
    if (broke && place.trial && routing->stable != nullptr) {
      // The trial version broke; the client shall not feel it.
      place = PlaceOf(*routing, routing->stable, pinned);
      outcomes = RunOn(place, inputs, deadline, arrival);
    }
    if (!outcomes.ok()) return outcomes.status();
    return MakeAnswers(requests, place, *outcomes, Seconds(clock_.Now() - admitted));
  }

  static Result<ServedPtr> Choose(const Routing& routing, const InferRequest& request) {
    if (routing.stable == nullptr && routing.candidate == nullptr) {
      return Unavailable("no version has arrived yet", "wait until the hub publishes one; /v2/health/ready tells when");
    }
    if (request.pinned) {
      ServedPtr pinned = request.pinned->value == 0 ? routing.stable : routing.Find(*request.pinned);
      if (pinned == nullptr) return NotFound("version " + request.pinned->ToString() + " is not resident here");
      return pinned;
    }
    return routing.Pick(request.routing_key.empty() ? request.id : request.routing_key);
  }

  // Outcomes with finite scores of all samples, or what went wrong. kInternal: through the version's fault, which is
  // counted.
  Result<std::vector<Batcher::Outcome>> RunOn(const Place& place, const std::vector<DecodedInput>& inputs,
                                              SteadyTime deadline, Batcher::Arrival& arrival) {
    const ServedPtr& served = place.served;
    std::vector<PreparedInput> prepared;
    prepared.reserve(inputs.size());
    for (const DecodedInput& input : inputs) prepared.push_back(FitTo(input, served->image->spec));
    PERENNIAL_ASSIGN_OR_RETURN(auto outcomes, batcher_.Run(served, std::move(prepared), deadline, arrival));
    for (const Batcher::Outcome& outcome : outcomes) {
      const bool finite = outcome.scores.ok() && AllFinite(*outcome.scores);
      const bool whole = finite && outcome.scores.value().size() == served->image->labels.size();
      if (whole) continue;
      if (!outcome.scores.ok() && outcome.scores.status().code() != Code::kInternal) return outcome.scores.status();
      OnBroken(place, outcome.scores.ok() && !finite);
      if (!outcome.scores.ok()) return outcome.scores.status();
      return Internal("version " + served->version.ToString() + " gave scores that are not finite");
    }
    return outcomes;
  }

  void OnBroken(const Place& place, bool not_finite) {
    if (not_finite) metrics_.NotFinite(place.trial);
    if (place.arm == nullptr) return;
    const uint64_t errors = place.arm->CountError(not_finite);
    if (place.trial && errors >= options_.max_trial_failures && slots_.HaltTrial(place.arm)) {
      log::Warn("trial_halted", {{"version", place.served->version.value}, {"why", "its outputs broke on this node"}});
    }
  }

  std::vector<InferAnswer> MakeAnswers(const std::vector<InferRequest>& requests, const Place& place,
                                       std::vector<Batcher::Outcome>& outcomes, double seconds) {
    std::vector<InferAnswer> answers(requests.size());
    for (size_t i = 0; i < requests.size(); ++i) {
      InferAnswer& answer = answers[i];
      const std::string prefix = options_.node_name + ":";
      answer.request_id = requests[i].id.starts_with(prefix) ? requests[i].id : prefix + requests[i].id;
      answer.version = place.served->version;
      answer.trial = place.trial;
      answer.queue_ms = outcomes[i].queue_ms;
      answer.compute_ms = outcomes[i].compute_ms;
      FillAnswer(*outcomes[i].scores, place.served->image->labels, answer);
      if (place.arm != nullptr) place.arm->CountAnswer(answer.confidence, seconds * 1000.0);
      metrics_.Request(place.trial, seconds, answer.confidence);
      metrics_.Waited(answer.queue_ms / 1000.0, answer.compute_ms / 1000.0);
      answers_.Remember(answer.request_id, {place.arm, answer.label, answer.confidence, place.trial});
    }
    return answers;
  }

  const EngineOptions options_;
  const Clock& clock_;
  std::atomic<uint64_t> next_id_;  // starts at the wall clock, so that ids stay unique over restarts
  std::atomic<uint64_t> requests_{0}, failures_{0}, swaps_{0};
  mutable Metrics metrics_;
  monitor::AnswerMemory answers_;
  Slots slots_;
  Batcher batcher_;  // last: its threads use what stands above
};

}  // namespace

Status EngineOptions::Validate() const {
  if (node_name.empty() || node_name.find(':') != std::string::npos) {
    return InvalidArgument("node name '" + node_name + "' must not be empty nor hold a ':'");
  }
  if (model_name.empty()) return InvalidArgument("model name is empty");
  if (max_batch == 0 || max_batch > 256) return InvalidArgument("max_batch must be 1 to 256");
  if (max_queue < kMaxSamplesPerCall)
    return InvalidArgument("max_queue must be at least " + std::to_string(kMaxSamplesPerCall));
  if (compute_threads < 1 || compute_threads > 64) return InvalidArgument("compute_threads must be 1 to 64");
  if (request_timeout <= Duration::zero() || max_batch_delay < Duration::zero())
    return InvalidArgument("engine timeouts must be positive");
  if (max_trial_failures == 0) return InvalidArgument("max_trial_failures must be at least 1");
  return Status::Ok();
}

Result<std::unique_ptr<Engine>> StartEngine(EngineOptions options, const Clock& clock,
                                            std::unique_ptr<PredictorFactory> factory) {
  PERENNIAL_RETURN_IF_ERROR(options.Validate());
  return std::unique_ptr<Engine>(std::make_unique<EngineImpl>(std::move(options), clock, std::move(factory)));
}

Result<std::unique_ptr<Engine>> Engine::Start(EngineOptions options, const Clock& clock) {
  return StartEngine(std::move(options), clock, MakeNetworkFactory());
}

}  // namespace perennial::serving
