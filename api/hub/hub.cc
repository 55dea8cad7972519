#include "api/hub/hub.h"

#include <nlohmann/json.hpp>
#include <set>

#include "api/hub/open_keys.h"
#include "storage/base/env.h"
#include "storage/base/log.h"

namespace perennial::hub {
namespace {

constexpr size_t kRememberedEvents = 4096;
constexpr size_t kRememberedEvaluations = 10'000;
// Ids of a later run are above those of an earlier one, for the epoch grows with every start.
constexpr uint64_t kEventsPerEpoch = 1'000'000;

std::vector<std::string> AllFamilies() {
  std::set<std::string> families;
  for (const auto& part : {samples::SampleLog::Families(), versions::VersionStore::Families(),
                           trainer::OnlineTrainer::Families(), api::EvaluationJournal::Families()}) {
    families.insert(part.begin(), part.end());
  }
  return {families.begin(), families.end()};
}

}  // namespace

Status Hub::OpenStores(const HubOptions& options) {
  PERENNIAL_ASSIGN_OR_RETURN(keys_, OpenKeys(options.keys, options.init_keys));
  PERENNIAL_RETURN_IF_ERROR(Env::Posix().CreateDirectories(options.data));
  kv::KvOptions store;
  store.path = options.data + "/store";
  store.families = AllFamilies();
  PERENNIAL_ASSIGN_OR_RETURN(store_, kv::OpenRocks(store));
  PERENNIAL_ASSIGN_OR_RETURN(log_, samples::SampleLog::Open(*store_, options.samples, clock_));
  PERENNIAL_ASSIGN_OR_RETURN(versions_, versions::VersionStore::Open(*store_));
  PERENNIAL_ASSIGN_OR_RETURN(journal_, api::EvaluationJournal::Open(*store_, kRememberedEvaluations));
  return Status::Ok();
}

Status Hub::OpenReleases(const HubOptions& options) {
  PERENNIAL_ASSIGN_OR_RETURN(publisher_,
                             updater::Publisher::Open(*versions_, keys_->signer(), options.publisher, clock_));
  // The controller calls its listener from the first change on, and nothing changes before the update server runs.
  const auto listener = [this](const updater::RolloutState& state) {
    if (rollout_events_) rollout_events_->OnState(state);
  };
  PERENNIAL_ASSIGN_OR_RETURN(rollout_, updater::RolloutController::Open(*versions_, options.canary, clock_, listener));
  events_ = std::make_unique<api::EventHub>(kRememberedEvents, rollout_->State().epoch * kEventsPerEpoch + 1, clock_);
  rollout_events_ = std::make_unique<api::RolloutEvents>(*events_);
  PERENNIAL_ASSIGN_OR_RETURN(updates_,
                             updater::UpdateServer::Start(options.update, *keys_, *versions_, *rollout_, clock_));
  rollout_events_->Attach(rollout_.get(), updates_.get());
  releaser_ = std::make_unique<api::Releaser>(*publisher_, *versions_, *rollout_, *events_, options.releaser);
  return releaser_->ResumeUnstarted();
}

Status Hub::StartServices(const HubOptions& options) {
  sink_ = std::make_unique<ReleasingSink>(*releaser_, *rollout_, *versions_, *journal_, options.instant_trial);
  PERENNIAL_ASSIGN_OR_RETURN(
      trainers_, TrainerGroup::Start(options.trainer, options.service, options.shadows, options.dump_evaluations,
                                     {*log_, *store_, clock_, *sink_, *journal_, *events_}));
  node_watch_ = std::make_unique<api::NodeWatch>(*updates_, *events_);
  PERENNIAL_ASSIGN_OR_RETURN(api_, api::ApiServer::Start(options.http, options.auth, options.api,
                                                         {clock_, *log_, *versions_, *rollout_, *updates_, *releaser_,
                                                          *trainers_, *journal_, *events_}));
  return Status::Ok();
}

Result<std::unique_ptr<Hub>> Hub::Start(const HubOptions& options) {
  std::unique_ptr<Hub> hub(new Hub());
  PERENNIAL_RETURN_IF_ERROR(hub->OpenStores(options));
  PERENNIAL_RETURN_IF_ERROR(hub->OpenReleases(options));
  PERENNIAL_RETURN_IF_ERROR(hub->StartServices(options));
  log::Info("hub_started", {{"http", hub->api_->address()},
                            {"announce", hub->updates_->announce_endpoint()},
                            {"bulk", hub->updates_->bulk_endpoint()},
                            {"log_end", hub->log_->End().value},
                            {"stable", hub->rollout_->State().stable.value},
                            {"epoch", hub->rollout_->State().epoch}});
  return hub;
}

std::string Hub::ReadyLine() const {
  const nlohmann::ordered_json line = {{"event", "ready"},
                                       {"http", api_->address()},
                                       {"announce", updates_->announce_endpoint()},
                                       {"bulk", updates_->bulk_endpoint()}};
  return line.dump();
}

Status Hub::Stop() {
  if (api_) api_->Drain();
  api_.reset();  // running requests end; from here nobody outside can ask for anything
  node_watch_.reset();
  Status saved;
  if (trainers_) saved = trainers_->Stop();
  trainers_.reset();
  if (rollout_events_) rollout_events_->Detach();
  updates_.reset();
  return saved;
}

Hub::~Hub() {
  if (const Status stopped = Stop(); !stopped.ok()) log::Error("hub_stop", {{"error", stopped.ToString()}});
}

}  // namespace perennial::hub
