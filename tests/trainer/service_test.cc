#include "trainer/service.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <utility>

#include "storage/base/mutex.h"
#include "tests/trainer/training_data.h"

namespace perennial::trainer {
namespace {

using testing_support::Hub;
using testing_support::SmallOptions;
using testing_support::Soon;

// Publishes what it is offered, counts, and lets a test wait for it.
class FakeSink final : public CandidateSink {
 public:
  bool ReadyForCandidate() override { return ready; }
  Result<VersionId> Offer(const Candidate& candidate, bool by_hand) override {
    MutexLock lock(mutex_);
    ++offers_;
    by_hand_ += by_hand ? 1 : 0;
    changed_.NotifyAll();
    if (!next_error_.ok()) return std::exchange(next_error_, Status::Ok());
    last_ = std::make_shared<format::VersionImage>(candidate.image);
    trained_until_.push_back(candidate.report.trained_until);
    forgotten_until_.push_back(candidate.report.forgotten_until);
    return VersionId{trained_until_.size()};
  }
  std::shared_ptr<const format::VersionImage> FrozenScales() override {
    MutexLock lock(mutex_);
    return last_;
  }
  uint64_t NextScaleSet() override { return 1; }
  Predecessor PredecessorOf(const TrainedState&) override { return {VersionId{predecessor}, nullptr}; }

  std::atomic<uint64_t> predecessor{0};

  std::atomic<bool> ready{true};
  void FailNext(Status error) {
    MutexLock lock(mutex_);
    next_error_ = std::move(error);
  }
  bool WaitForOffers(int count) {
    MutexLock lock(mutex_);
    const SteadyTime deadline = Soon();
    while (offers_ < count) {
      if (!changed_.WaitUntil(mutex_, deadline)) return offers_ >= count;
    }
    return true;
  }
  int offers() const {
    MutexLock lock(mutex_);
    return offers_;
  }
  int by_hand() const {
    MutexLock lock(mutex_);
    return by_hand_;
  }
  std::vector<uint64_t> trained_until() const {
    MutexLock lock(mutex_);
    return trained_until_;
  }
  std::vector<uint64_t> forgotten_until() const {
    MutexLock lock(mutex_);
    return forgotten_until_;
  }

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  int offers_ GUARDED_BY(mutex_) = 0;
  int by_hand_ GUARDED_BY(mutex_) = 0;
  Status next_error_ GUARDED_BY(mutex_);
  std::shared_ptr<const format::VersionImage> last_ GUARDED_BY(mutex_);
  std::vector<uint64_t> trained_until_ GUARDED_BY(mutex_);
  std::vector<uint64_t> forgotten_until_ GUARDED_BY(mutex_);
};

// Wakes a test when the service did something.
class Watcher {
 public:
  void Install(ServiceOptions& options) {
    options.on_evaluation = [this](const EvaluationRecord&) { Note(evaluations_); };
    options.on_state = [this](TrainerState state, const Status&) {
      if (state == TrainerState::kFailed) Note(failures_);
    };
  }
  bool WaitForEvaluations(int count) { return WaitFor(evaluations_, count); }
  bool WaitForFailures(int count) { return WaitFor(failures_, count); }

 private:
  void Note(int& counter) {
    MutexLock lock(mutex_);
    ++counter;
    changed_.NotifyAll();
  }
  bool WaitFor(const int& counter, int count) {
    MutexLock lock(mutex_);
    const SteadyTime deadline = Soon();
    while (counter < count) {
      if (!changed_.WaitUntil(mutex_, deadline)) return counter >= count;
    }
    return true;
  }
  Mutex mutex_;
  CondVar changed_;
  int evaluations_ = 0;
  int failures_ = 0;
};

class ServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    samples::SampleLogOptions log_options;
    log_options.held_out_share = 0.2;
    hub_ = Hub::InMemory(log_options);
    options_.candidate_every_samples = 100;
    options_.idle_wait = std::chrono::milliseconds(5);
    options_.retry_after = std::chrono::milliseconds(0);
    watcher_.Install(options_);
  }
  std::unique_ptr<TrainerService> Start(CandidateSink* sink, const std::string& name = "main") {
    TrainerOptions options = SmallOptions();
    options.name = name;
    auto service = TrainerService::Start(options_, hub_->OpenTrainer(options), hub_->log(), sink, hub_->clock());
    EXPECT_TRUE(service.ok());
    return std::move(*service);
  }
  void FeedAndFlush(uint64_t begin, uint64_t end) {
    hub_->Feed(begin, end, "base");
    ASSERT_TRUE(hub_->log().AppendFlush().ok());
  }

  Watcher watcher_;  // outlives the services that call it
  std::unique_ptr<Hub> hub_;
  ServiceOptions options_;
  FakeSink sink_;
};

TEST_F(ServiceTest, EvaluatesAtFixedSampleCountsAndAfterAFlush) {
  FeedAndFlush(0, 400);
  auto service = Start(&sink_);
  ASSERT_TRUE(watcher_.WaitForEvaluations(4));
  ASSERT_TRUE(service->Stop().ok());
  const auto history = service->History();
  const auto status = service->GetStatus();
  ASSERT_GE(history.size(), 4u);
  EXPECT_EQ(history[0].samples_trained, 100u);
  EXPECT_EQ(history[1].samples_trained, 200u);
  EXPECT_EQ(history[2].samples_trained, 300u);
  EXPECT_EQ(history.back().samples_trained, status.trainer.samples_trained);
  EXPECT_EQ(status.backlog, 0u);
  EXPECT_TRUE(history[0].accepted);
  EXPECT_EQ(history[0].version, VersionId{1});
  EXPECT_EQ(history[0].report.slices.size(), 1u);
}

TEST_F(ServiceTest, AShadowWithoutASinkEvaluatesAtTheSameCounts) {
  FeedAndFlush(0, 400);
  auto shadow = Start(nullptr, "shadow");
  ASSERT_TRUE(watcher_.WaitForEvaluations(4));
  ASSERT_TRUE(shadow->Stop().ok());
  auto main = Start(&sink_);
  ASSERT_TRUE(watcher_.WaitForEvaluations(8));
  ASSERT_TRUE(main->Stop().ok());
  ASSERT_EQ(shadow->History().size(), main->History().size());
  for (size_t i = 0; i < main->History().size(); ++i) {
    EXPECT_EQ(shadow->History()[i].samples_trained, main->History()[i].samples_trained);
    EXPECT_EQ(shadow->History()[i].version, VersionId{0});
  }
}

TEST_F(ServiceTest, HoldsTheNewestAcceptedCandidateWhileTheSinkIsBusy) {
  sink_.ready = false;
  FeedAndFlush(0, 400);
  auto service = Start(&sink_);
  ASSERT_TRUE(watcher_.WaitForEvaluations(4));
  EXPECT_EQ(sink_.offers(), 0);
  const auto history = service->History();
  uint64_t newest_accepted = 0;
  for (const auto& record : history) {
    if (record.accepted) newest_accepted = record.trained_until;
  }
  sink_.ready = true;
  ASSERT_TRUE(sink_.WaitForOffers(1));
  EXPECT_EQ(sink_.trained_until(), std::vector<uint64_t>{newest_accepted});
  ASSERT_TRUE(service->Stop().ok());
}

TEST_F(ServiceTest, ARestartPublishesTheCandidateThatWaited) {
  sink_.ready = false;
  FeedAndFlush(0, 120);
  {
    auto service = Start(&sink_);
    ASSERT_TRUE(watcher_.WaitForEvaluations(1));
    while (service->GetStatus().trainer.flush_due || service->GetStatus().backlog > 0) {
      ASSERT_TRUE(service->Checkpoint(Soon()).ok());
    }
    ASSERT_TRUE(service->History().front().accepted);
  }
  ASSERT_EQ(sink_.offers(), 0);
  sink_.ready = true;
  {
    auto service = Start(&sink_);
    ASSERT_TRUE(sink_.WaitForOffers(1));
    ASSERT_TRUE(service->Stop().ok());
    EXPECT_EQ(sink_.trained_until(), std::vector<uint64_t>{hub_->log().End().value});
  }
  EXPECT_FALSE(hub_->OpenTrainer(SmallOptions())->GetStatus().flush_due) << "it is owed no more";
}

TEST_F(ServiceTest, ARestartForgetsWhatTheSinkRefusedForGood) {
  sink_.FailNext(FailedPrecondition("no such model"));
  FeedAndFlush(0, 60);
  {
    auto service = Start(&sink_);
    ASSERT_TRUE(watcher_.WaitForEvaluations(1));
    ASSERT_TRUE(service->Stop().ok());
  }
  EXPECT_EQ(sink_.offers(), 1);
  EXPECT_FALSE(hub_->OpenTrainer(SmallOptions())->GetStatus().flush_due);
}

TEST_F(ServiceTest, OneMadeByHandThatIsRefusedLeavesTheOneThatWaits) {
  sink_.ready = false;
  FeedAndFlush(0, 60);
  auto service = Start(&sink_);
  ASSERT_TRUE(watcher_.WaitForEvaluations(1));
  sink_.FailNext(FailedPrecondition("a version is on trial"));
  EXPECT_EQ(service->PublishNow(Soon()).status().code(), Code::kFailedPrecondition);
  sink_.ready = true;
  EXPECT_TRUE(sink_.WaitForOffers(2));
  ASSERT_TRUE(service->Stop().ok());
  EXPECT_EQ(sink_.trained_until().size(), 1u);
}

TEST_F(ServiceTest, WhatAFlushAskedForIsPublishedEvenWhenItWasMadeByHandDuringATrial) {
  hub_ = Hub::InMemory(testing_support::NothingHeldOut());
  TrainerService* service = nullptr;
  TrainerOptions options = SmallOptions();
  options.on_step = [&service](uint64_t step, const std::vector<Offset>&) {
    if (step == 1) service->Pause();  // the step that the flush ends
  };
  auto started = TrainerService::Start(options_, hub_->OpenTrainer(options), hub_->log(), &sink_, hub_->clock());
  ASSERT_TRUE(started.ok());
  service = started->get();
  FeedAndFlush(0, 6);
  while (service->GetStatus().trainer.steps < 2) ASSERT_TRUE(service->Checkpoint(Soon()).ok());
  ASSERT_TRUE(service->GetStatus().trainer.flush_due);
  sink_.FailNext(FailedPrecondition("a version is on trial"));
  EXPECT_EQ(service->PublishNow(Soon()).status().code(), Code::kFailedPrecondition);
  service->Resume();
  ASSERT_TRUE(sink_.WaitForOffers(2));
  ASSERT_TRUE(service->Stop().ok());
  EXPECT_EQ(sink_.trained_until(), std::vector<uint64_t>{hub_->log().End().value});
}

TEST_F(ServiceTest, OffersAgainAfterAnErrorOfTheSinkAndShowsIt) {
  sink_.FailNext(Unavailable("the store is busy"));
  FeedAndFlush(0, 120);
  auto service = Start(&sink_);
  ASSERT_TRUE(sink_.WaitForOffers(2));
  ASSERT_TRUE(service->Stop().ok());
  EXPECT_EQ(service->GetStatus().error.code(), Code::kUnavailable);
  EXPECT_GE(sink_.trained_until().size(), 1u);
}

TEST_F(ServiceTest, PausesResumesAndPublishesByHand) {
  auto service = Start(&sink_);
  EXPECT_EQ(service->PublishNow(Soon()).status().code(), Code::kFailedPrecondition);
  service->Pause();
  EXPECT_EQ(service->GetStatus().state, TrainerState::kPaused);
  ASSERT_TRUE(service->Checkpoint(Soon()).ok());  // the thread has seen the pause
  FeedAndFlush(0, 60);
  ASSERT_TRUE(service->Checkpoint(Soon()).ok());
  EXPECT_EQ(service->GetStatus().trainer.samples_trained, 0u);
  service->Resume();
  ASSERT_TRUE(watcher_.WaitForEvaluations(1));
  const auto published = service->PublishNow(Soon());
  ASSERT_TRUE(published.ok()) << published.status().ToString();
  EXPECT_GT(published->version.value, 0u);
  EXPECT_EQ(sink_.by_hand(), 1);
  EXPECT_EQ(service->History().back().version, published->version);
}

// Finding: what waited for the end of a trial went on waiting while the trainer was paused.
TEST_F(ServiceTest, APausedTrainerStillPublishesWhatWaited) {
  sink_.ready = false;
  FeedAndFlush(0, 60);
  auto service = Start(&sink_);
  ASSERT_TRUE(watcher_.WaitForEvaluations(1));
  service->Pause();
  ASSERT_TRUE(service->Checkpoint(Soon()).ok());  // the thread has seen the pause
  EXPECT_EQ(sink_.offers(), 0);
  sink_.ready = true;
  EXPECT_TRUE(sink_.WaitForOffers(1));
  EXPECT_EQ(service->GetStatus().state, TrainerState::kPaused);
  ASSERT_TRUE(service->Stop().ok());
}

TEST_F(ServiceTest, WhatWaitedIsMadeAgainWhenItsPredecessorWasRolledBack) {
  sink_.ready = false;
  sink_.predecessor = 7;
  FeedAndFlush(0, 60);
  auto service = Start(&sink_);
  ASSERT_TRUE(watcher_.WaitForEvaluations(1));
  sink_.predecessor = 6;  // the trial of 7 failed
  sink_.ready = true;
  ASSERT_TRUE(watcher_.WaitForEvaluations(2)) << "the gate compares with version 6 now";
  EXPECT_TRUE(sink_.WaitForOffers(1));
  ASSERT_TRUE(service->Stop().ok());
  EXPECT_EQ(sink_.trained_until().size(), 1u);
}

TEST_F(ServiceTest, WhatWaitedIsMadeAgainWhenASourceIsForgotten) {
  sink_.ready = false;
  FeedAndFlush(0, 60);
  auto service = Start(&sink_);
  ASSERT_TRUE(watcher_.WaitForEvaluations(1));
  const Offset at = hub_->log().Forget(testing_support::MakeSample(0, "base").source, false).value();
  ASSERT_TRUE(watcher_.WaitForEvaluations(2));
  sink_.ready = true;
  EXPECT_TRUE(sink_.WaitForOffers(1));
  ASSERT_TRUE(service->Stop().ok());
  EXPECT_EQ(sink_.forgotten_until(), std::vector<uint64_t>{at.value + 1});
}

TEST_F(ServiceTest, StopsWithACheckpoint) {
  FeedAndFlush(0, 60);
  {
    auto service = Start(&sink_);
    ASSERT_TRUE(watcher_.WaitForEvaluations(1));
    ASSERT_TRUE(service->Stop().ok());
    ASSERT_TRUE(service->Stop().ok());
    EXPECT_EQ(service->Checkpoint(Soon()).code(), Code::kCancelled);
  }
  auto trainer = hub_->OpenTrainer(SmallOptions());
  EXPECT_EQ(trainer->GetStatus().cursor, hub_->log().End());
}

// An OnlineTrainer that fails as told; `before_failing` runs inside a step that will fail.
class BrokenTrainer final : public OnlineTrainer {
 public:
  explicit BrokenTrainer(Status error, std::function<void()> before_failing = {})
      : error_(std::move(error)), before_failing_(std::move(before_failing)) {}
  Result<StepOutcome> Step(SteadyTime) override {
    ++steps_;
    if (steps_ > 2) return StepOutcome::kStepped;
    if (before_failing_) before_failing_();
    return error_;
  }
  Status Checkpoint() override { return Status::Ok(); }
  Result<Candidate> MakeCandidate(const format::VersionImage*, uint64_t, size_t) override { return error_; }
  void Published(const Candidate&, VersionId) override {}
  void SetPublished(std::shared_ptr<const format::VersionImage>) override {}
  void SetPublishOwed(bool) override {}
  Hash256 Fingerprint() override { return {}; }
  TrainerStatus GetStatus() const override {
    TrainerStatus status;
    status.steps = steps_;
    return status;
  }

 private:
  const Status error_;
  const std::function<void()> before_failing_;
  std::atomic<uint64_t> steps_{0};
};

TEST_F(ServiceTest, KeepsAnErrorAndWaitsForAHand) {
  auto started = TrainerService::Start(options_, std::make_unique<BrokenTrainer>(Internal("it broke")), hub_->log(),
                                       &sink_, hub_->clock());
  ASSERT_TRUE(started.ok());
  TrainerService& service = **started;
  ASSERT_TRUE(watcher_.WaitForFailures(1));
  ASSERT_TRUE(service.Checkpoint(Soon()).ok());
  EXPECT_EQ(service.GetStatus().state, TrainerState::kFailed);
  EXPECT_EQ(service.GetStatus().error.message(), "it broke");
  EXPECT_EQ(service.GetStatus().trainer.steps, 1u);
  service.Resume();
  EXPECT_TRUE(watcher_.WaitForFailures(2));
}

TEST_F(ServiceTest, TriesAgainByItselfWhenTheDiskWasFull) {
  auto started = TrainerService::Start(options_, std::make_unique<BrokenTrainer>(ResourceExhausted("disk is full")),
                                       hub_->log(), &sink_, hub_->clock());
  ASSERT_TRUE(started.ok());
  EXPECT_TRUE(watcher_.WaitForFailures(2));
  const SteadyTime deadline = Soon();
  while ((*started)->GetStatus().trainer.steps < 4 && SystemClock().Now() < deadline) {
    ASSERT_TRUE((*started)->Checkpoint(deadline).ok());
  }
  EXPECT_EQ((*started)->GetStatus().state, TrainerState::kRunning);
  EXPECT_EQ((*started)->GetStatus().error.message(), "disk is full");
}

TEST_F(ServiceTest, APauseDuringAStepThatFailsStaysAPause) {
  std::promise<void> in_step, paused;
  const auto wait_for_pause = [&in_step, &paused, first = true]() mutable {
    if (!std::exchange(first, false)) return;
    in_step.set_value();
    paused.get_future().wait_until(Soon());
  };
  auto started = TrainerService::Start(
      options_, std::make_unique<BrokenTrainer>(ResourceExhausted("disk is full"), wait_for_pause), hub_->log(), &sink_,
      hub_->clock());
  ASSERT_TRUE(started.ok());
  TrainerService& service = **started;
  ASSERT_EQ(in_step.get_future().wait_until(Soon()), std::future_status::ready);
  service.Pause();
  paused.set_value();
  // The thread has handled the error before it looks at requests, and would try again before the second.
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(service.Checkpoint(Soon()).ok());
  EXPECT_EQ(service.GetStatus().state, TrainerState::kPaused);
  EXPECT_EQ(service.GetStatus().error.message(), "disk is full");
  EXPECT_EQ(service.GetStatus().trainer.steps, 1u);
  service.Resume();
  EXPECT_TRUE(watcher_.WaitForFailures(1));
}

TEST_F(ServiceTest, TriesAgainWhenItsClockSaysSo) {
  ManualClock clock;
  options_.retry_after = std::chrono::hours(1);
  auto started = TrainerService::Start(options_, std::make_unique<BrokenTrainer>(ResourceExhausted("disk is full")),
                                       hub_->log(), &sink_, clock);
  ASSERT_TRUE(started.ok());
  ASSERT_TRUE(watcher_.WaitForFailures(1));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE((*started)->Checkpoint(Soon()).ok());
  EXPECT_EQ((*started)->GetStatus().state, TrainerState::kFailed);
  EXPECT_EQ((*started)->GetStatus().trainer.steps, 1u);
  clock.Advance(options_.retry_after);
  EXPECT_TRUE(watcher_.WaitForFailures(2));
}

TEST(ServiceOptions, RefusesNoTrigger) {
  ServiceOptions options;
  EXPECT_TRUE(options.Validate().ok());
  options.candidate_every_samples = 0;
  EXPECT_EQ(options.Validate().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace perennial::trainer
