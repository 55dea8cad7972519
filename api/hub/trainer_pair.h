#pragma once

#include <map>
#include <memory>
#include <string>

#include "api/evaluation_journal.h"
#include "api/event_hub.h"
#include "api/trainer_control.h"
#include "trainer/service.h"

namespace perennial::hub {

// The main trainer and, if wanted, the naive one beside it, as the API sees them. Owned by the hub. Thread-safe after
// Start().
class TrainerPair final : public api::TrainerControl {
 public:
  struct Parts {
    samples::SampleLog& log;
    kv::KvStore& store;
    const Clock& clock;
    trainer::CandidateSink& sink;
    api::EvaluationJournal& journal;
    api::EventHub& events;
  };
  // `shadow` (a strategy's name) and `dump_folder` may be empty. REQUIRES: the parts outlive the pair.
  static Result<std::unique_ptr<TrainerPair>> Start(const trainer::TrainerOptions& trainer,
                                                    const trainer::ServiceOptions& service, const std::string& shadow,
                                                    const std::string& dump_folder, const Parts& parts);
  // Both threads end after the step in flight and save; the first failure of the two.
  Status Stop();

  api::TrainerView Main() const override;
  std::map<std::string, api::TrainerView> Shadows() const override;
  Status Pause() override;
  Status Resume() override;
  Status Checkpoint() override;
  Status RequestPublish() override;

 private:
  TrainerPair() = default;
  std::unique_ptr<trainer::TrainerService> main_;
  std::map<std::string, std::unique_ptr<trainer::TrainerService>> shadows_;
};

}  // namespace perennial::hub
