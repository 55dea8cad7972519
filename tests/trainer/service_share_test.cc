// A service that shares compute with others: it waits for its turn, says what it used, and ends soon when told to.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>

#include "storage/base/mutex.h"
#include "tests/trainer/training_data.h"
#include "trainer/loss.h"
#include "trainer/service.h"
#include "trainer/strategy.h"

namespace perennial::trainer {
namespace {

using testing_support::Hub;
using testing_support::SmallOptions;
using testing_support::Soon;

// A flag that a test waits for.
class Event {
 public:
  void Set() {
    MutexLock lock(mutex_);
    set_ = true;
    changed_.NotifyAll();
  }
  bool Wait() {
    MutexLock lock(mutex_);
    const SteadyTime deadline = Soon();
    while (!set_) {
      if (!changed_.WaitUntil(mutex_, deadline)) return set_;
    }
    return true;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool set_ GUARDED_BY(mutex_) = false;
};

class ServiceShareTest : public ::testing::Test {
 protected:
  void SetUp() override {
    hub_ = Hub::InMemory();
    hub_->Feed(0, 60, "base");
    ASSERT_TRUE(hub_->log().AppendFlush().ok());
    options_.candidate_every_samples = 1'000'000;
    options_.idle_wait = std::chrono::milliseconds(1);
  }
  std::unique_ptr<TrainerService> Start(const TrainerOptions& trainer) {
    auto service = TrainerService::Start(options_, hub_->OpenTrainer(trainer), hub_->log(), nullptr, hub_->clock());
    EXPECT_TRUE(service.ok()) << service.status().ToString();
    return std::move(*service);
  }

  std::unique_ptr<Hub> hub_;
  ServiceOptions options_;
};

TEST_F(ServiceShareTest, WaitsForItsTurnAndAnswersRequestsMeanwhile) {
  std::atomic<bool> turn{false};
  Event asked, idle;
  std::atomic<int> questions{0};
  options_.may_work = [&] {
    if (++questions == 3) asked.Set();
    return turn.load();
  };
  options_.on_work = [&](Duration, bool nothing_to_do) {
    if (nothing_to_do) idle.Set();
  };
  auto service = Start(SmallOptions());
  ASSERT_TRUE(asked.Wait());
  EXPECT_EQ(service->GetStatus().trainer.steps, 0U);
  EXPECT_EQ(service->GetStatus().worked, Duration::zero());
  EXPECT_TRUE(service->Checkpoint(Soon()).ok());
  turn = true;
  ASSERT_TRUE(idle.Wait());
  const ServiceStatus status = service->GetStatus();
  EXPECT_EQ(status.backlog, 0U);
  EXPECT_GT(status.worked, Duration::zero());
  EXPECT_TRUE(service->Stop().ok());
}

// Trains anew for a million passes.
class Endless final : public Strategy {
 public:
  explicit Endless(Event& began) : began_(began) {}
  std::string_view name() const override { return "endless"; }
  uint64_t PassesOverMemory() const override { return 1'000'000; }
  torch::Tensor Loss(const StepContext& context, const StepBatch& batch) override {
    began_.Set();
    return ClassificationLoss(context.student.Forward(batch.input).logits, AllRows(batch));
  }

 private:
  Event& began_;
};

TEST_F(ServiceShareTest, ANetworkThatIsTrainedAnewGivesWayToTheEnd) {
  Event began;
  TrainerOptions trainer = SmallOptions();
  trainer.make_strategy = [&](std::string_view) -> Result<std::unique_ptr<Strategy>> {
    return std::unique_ptr<Strategy>(std::make_unique<Endless>(began));
  };
  std::atomic<int> failures{0};
  options_.on_state = [&](TrainerState state, const Status&) { failures += state == TrainerState::kFailed ? 1 : 0; };
  {
    auto service = Start(trainer);
    ASSERT_TRUE(began.Wait());
    EXPECT_TRUE(service->Stop().ok());
    EXPECT_TRUE(service->GetStatus().error.ok());
    EXPECT_EQ(failures, 0);
  }
  // Whoever opens the checkpoint makes the candidate: here with a method that ends.
  trainer.make_strategy = nullptr;
  trainer.strategy = "naive";
  EXPECT_TRUE(hub_->OpenTrainer(trainer)->GetStatus().flush_due);
}

}  // namespace
}  // namespace perennial::trainer
