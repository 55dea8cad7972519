// Several optimiser steps on a batch: what they count, and that neither an error between two of them nor a resume
// leaves a trace.
#include <gtest/gtest.h>

#include <stdexcept>

#include "storage/base/rng.h"
#include "tests/trainer/training_data.h"
#include "trainer/wrapped_strategy.h"

namespace perennial::trainer {
namespace {

using testing_support::Hub;
using testing_support::NothingHeldOut;
using testing_support::SmallOptions;
using testing_support::Soon;
using testing_support::TrainAll;

constexpr uint64_t kSamples = 120;

std::unique_ptr<Hub> FedHub() {
  auto hub = Hub::InMemory(NothingHeldOut());
  hub->Feed(0, 60, "base");
  hub->Feed(60, kSamples, "new");
  EXPECT_TRUE(hub->log().AppendFlush().ok());
  return hub;
}

TrainerOptions MultiStep() {
  TrainerOptions options = SmallOptions();
  options.strategy = "default";
  options.schedule = {1, 4, 30};
  options.augment.noise = 0.05;
  options.spec.modality_dropout = 0.2;
  return options;
}

// A strategy whose loss throws in one call, before anything was learned.
class Failing final : public WrappedStrategy {
 public:
  Failing(std::unique_ptr<Strategy> inner, uint64_t& calls, uint64_t fails_at)
      : WrappedStrategy(std::move(inner)), calls_(calls), fails_at_(fails_at) {}
  torch::Tensor Loss(const StepContext& context, const StepBatch& batch) override {
    if (calls_++ == fails_at_) throw std::runtime_error("out of memory");
    return WrappedStrategy::Loss(context, batch);
  }

 private:
  uint64_t& calls_;
  const uint64_t fails_at_;
};

TrainerOptions FailingAt(uint64_t call, uint64_t& calls, TrainerOptions options) {
  options.make_strategy = [&calls, call](std::string_view name) -> Result<std::unique_ptr<Strategy>> {
    PERENNIAL_ASSIGN_OR_RETURN(std::unique_ptr<Strategy> inner, MakeStrategy(name));
    return std::unique_ptr<Strategy>(std::make_unique<Failing>(std::move(inner), calls, call));
  };
  return options;
}

TEST(MultiStep, NewLabelsGetMoreStepsAndSamplesAreRememberedOnce) {
  auto hub = FedHub();
  TrainerOptions options = MultiStep();
  options.replay.capacity = 1000;
  std::vector<uint64_t> last_steps;
  options.on_step = [&](uint64_t step, const std::vector<Offset>& fresh) {
    EXPECT_EQ(fresh.size(), 4U);
    last_steps.push_back(step);
  };
  auto trainer = hub->OpenTrainer(options);
  TrainAll(*trainer, hub->log());
  const TrainerStatus status = trainer->GetStatus();
  EXPECT_EQ(status.samples_trained, kSamples);
  EXPECT_EQ(status.replay_size, kSamples);
  ASSERT_EQ(last_steps.size(), kSamples / 4);
  EXPECT_EQ(last_steps[0], 3U) << "four steps on the first batch";
  EXPECT_EQ(last_steps.back() + 1, status.steps);
  EXPECT_EQ(last_steps[15] - last_steps[14], 4U) << "new labels again";
  EXPECT_LT(last_steps[14] - last_steps[13], 4U);
}

TEST(MultiStep, EachStepDrawsForItself) {
  auto hub = FedHub();
  std::vector<torch::Tensor> images;
  class Watching final : public Strategy {
   public:
    explicit Watching(std::vector<torch::Tensor>& images) : images_(images) {}
    std::string_view name() const override { return "watching"; }
    torch::Tensor Loss(const StepContext& context, const StepBatch& batch) override {
      EXPECT_EQ(context.step, images_.size());
      EXPECT_EQ(batch.number, images_.size() / 3);
      images_.push_back(batch.input.images);
      return context.student.Forward(batch.input).logits.pow(2).mean();
    }

   private:
    std::vector<torch::Tensor>& images_;
  };
  TrainerOptions options = MultiStep();
  options.schedule = {3, 3, 0};
  options.make_strategy = [&](std::string_view) -> Result<std::unique_ptr<Strategy>> {
    return std::unique_ptr<Strategy>(std::make_unique<Watching>(images));
  };
  auto trainer = hub->OpenTrainer(options);
  TrainAll(*trainer, hub->log(), 5);
  ASSERT_EQ(images.size(), 15U);
  for (size_t i = 13; i < 15; ++i) {
    EXPECT_FALSE(torch::equal(images[i].narrow(0, 0, 4), images[12].narrow(0, 0, 4))) << "augmentation";
    EXPECT_FALSE(torch::equal(images[i].narrow(0, 4, 8), images[12].narrow(0, 4, 8))) << "replay";
  }
}

TEST(MultiStep, AStepThatFailsIsTriedAgainWhereverItIsInItsBatch) {
  auto hub = FedHub();
  TrainerOptions options = MultiStep();
  options.instant_width = 40;
  options.name = "whole";
  auto whole = hub->OpenTrainer(options);
  TrainAll(*whole, hub->log());
  for (uint64_t call = 0; call < 9; ++call) {
    for (const bool restarted : {false, true}) {
      uint64_t calls = 0;
      options.name = std::string(restarted ? "restarted-" : "failing-").append(std::to_string(call));
      auto trainer = hub->OpenTrainer(FailingAt(call, calls, options));
      Status failed;
      while (failed.ok()) failed = trainer->Step(Soon()).status();
      ASSERT_NE(failed.message().find("out of memory"), std::string::npos) << failed.ToString();
      EXPECT_EQ(trainer->GetStatus().replay_size % 4, 0U) << "nothing of the batch is remembered yet";
      if (restarted) {
        ASSERT_TRUE(trainer->Checkpoint().ok());
        trainer.reset();
        trainer = hub->OpenTrainer(options);
      }
      TrainAll(*trainer, hub->log());
      EXPECT_EQ(trainer->GetStatus().steps, whole->GetStatus().steps);
      EXPECT_EQ(trainer->Fingerprint(), whole->Fingerprint()) << options.name;
    }
  }
}

TEST(MultiStep, IsBitIdenticalAfterCrashesAtRandomPoints) {
  auto hub = FedHub();
  TrainerOptions options = MultiStep();
  options.checkpoint_every_steps = 5;  // not a divisor of what the batches take
  options.name = "whole";
  auto whole = hub->OpenTrainer(options);
  TrainAll(*whole, hub->log());
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    options.name = std::string("interrupted-").append(std::to_string(seed));
    Rng rng(seed);
    Hash256 got;
    for (int crashes = 0; crashes < 200; ++crashes) {
      auto trainer = hub->OpenTrainer(options);
      TrainAll(*trainer, hub->log(), 1 + rng.Below(9));
      got = trainer->Fingerprint();
      if (trainer->GetStatus().cursor == hub->log().End()) break;
    }
    EXPECT_EQ(got, whole->Fingerprint()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace perennial::trainer
