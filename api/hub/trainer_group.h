#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/evaluation_journal.h"
#include "api/event_hub.h"
#include "api/trainer_control.h"
#include "trainer/compute_share.h"
#include "trainer/service.h"

namespace perennial::hub {

// Other methods trained on the same stream beside the main trainer, so that a user sees on their own data what it
// gains. Value type.
struct ShadowOptions {
  std::vector<std::string> strategies;  // each a strategy's name, at most once
  double share = 0.25;                  // of all compute, together; see trainer/compute_share.h
  uint64_t retrain_every = 10;          // `retrain` makes a candidate at each so many of the main trainer's
  // kInvalidArgument: what is wrong, and the closest known word.
  Status Validate() const;
};

// The options of a shadow: the method as published, with nothing of ours around it; `retrain` remembers everything.
trainer::TrainerOptions ShadowOf(const trainer::TrainerOptions& main, const std::string& strategy);

// The main trainer and the shadows beside it, as the API sees them. Owned by the hub. Thread-safe after Start().
class TrainerGroup final : public api::TrainerControl {
 public:
  struct Parts {
    samples::SampleLog& log;
    kv::KvStore& store;
    const Clock& clock;
    trainer::CandidateSink& sink;
    api::EvaluationJournal& journal;
    api::EventHub& events;
  };
  // `dump_folder` may be empty. REQUIRES: the parts outlive the group.
  static Result<std::unique_ptr<TrainerGroup>> Start(const trainer::TrainerOptions& trainer,
                                                     const trainer::ServiceOptions& service,
                                                     const ShadowOptions& shadows, const std::string& dump_folder,
                                                     const Parts& parts);
  // All threads end after the step in flight and save; the first failure.
  Status Stop();

  api::TrainerView Main() const override;
  std::map<std::string, api::TrainerView> Shadows() const override;
  Status Pause() override;
  Status Resume() override;
  Status Checkpoint() override;
  Status RequestPublish() override;
  Status DropIdleTrainers() override;

 private:
  TrainerGroup(samples::SampleLog& log, kv::KvStore& store) : log_(log), store_(store) {}

  samples::SampleLog& log_;
  kv::KvStore& store_;
  std::unique_ptr<trainer::ComputeShare> share_;  // outlives the services
  std::unique_ptr<trainer::TrainerService> main_;
  std::map<std::string, std::unique_ptr<trainer::TrainerService>> shadows_;
};

}  // namespace perennial::hub
