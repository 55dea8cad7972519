#pragma once

#include <memory>
#include <string>

#include "api/api_server.h"
#include "api/evaluation_journal.h"
#include "api/hub/candidate_sink.h"
#include "api/hub/hub_options.h"
#include "api/hub/trainer_group.h"
#include "api/node_watch.h"
#include "api/rollout_events.h"
#include "storage/kv/kv_store.h"
#include "updater/trust/keyring.h"

namespace perennial::hub {

// All parts of the hub, wired: one store under the log, the versions, the trainers and the journal; the API and the
// update plane on top. A hub restarted on the same folder goes on where it stopped. Owned by main(); Start and Stop
// from one thread.
class Hub {
 public:
  // REQUIRES options.Resolve() was ok.
  static Result<std::unique_ptr<Hub>> Start(const HubOptions& options);
  ~Hub();

  // One line of JSON: {"event":"ready","http":..,"announce":..,"bulk":..}.
  std::string ReadyLine() const;
  // Refuses new requests, ends the trainers with a checkpoint, stops. The checkpoint's status; later calls do nothing.
  Status Stop();

 private:
  Hub() = default;
  Status OpenStores(const HubOptions& options);
  Status OpenReleases(const HubOptions& options);
  Status StartServices(const HubOptions& options);

  // In the order in which each stands on the ones before it.
  SystemClock clock_;
  std::unique_ptr<trust::HubKeyring> keys_;
  std::unique_ptr<kv::KvStore> store_;
  std::unique_ptr<samples::SampleLog> log_;
  std::unique_ptr<versions::VersionStore> versions_;
  std::unique_ptr<api::EvaluationJournal> journal_;
  std::unique_ptr<updater::Publisher> publisher_;
  std::unique_ptr<api::EventHub> events_;
  std::unique_ptr<api::RolloutEvents> rollout_events_;
  std::unique_ptr<updater::RolloutController> rollout_;
  std::unique_ptr<updater::UpdateServer> updates_;
  std::unique_ptr<api::Releaser> releaser_;
  std::unique_ptr<ReleasingSink> sink_;
  std::unique_ptr<TrainerGroup> trainers_;
  std::unique_ptr<api::NodeWatch> node_watch_;
  std::unique_ptr<api::ApiServer> api_;
};

}  // namespace perennial::hub
