#include "trainer/stored_logits.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/trainer/linear_model.h"
#include "tests/trainer/logit_strategy.h"
#include "tests/trainer/training_data.h"
#include "trainer/learner.h"

namespace perennial::trainer {
namespace {

using testing_support::Hub;
using testing_support::LogitStrategy;
using testing_support::MakeAny;
using testing_support::SmallOptions;
using testing_support::TrainAll;

StepBatch BatchOf(const std::vector<int64_t>& targets) {
  StepBatch batch;
  batch.targets = torch::tensor(targets, torch::kLong);
  batch.fresh = batch.targets.size(0);
  return batch;
}

replay::Drawn DrawnWith(const std::vector<replay::ItemState>& state) {
  replay::Drawn drawn;
  drawn.example = std::make_shared<replay::Example>();
  if (!state.empty()) drawn.state = std::make_shared<replay::ItemState>(state[0]);
  return drawn;
}

TEST(StoredLogits, ComeBackAsTheyWereRoundedToHalves) {
  const torch::Tensor logits = torch::tensor({{0.1F, -2.5F, 7.0F}, {1e6F, -1e6F, 3.0F}});
  const auto states = StatesOf(logits, BatchOf({2, 0})).value();
  const torch::Tensor back = StoredLogits({DrawnWith({states[0]}), DrawnWith({states[1]})}, 3);
  EXPECT_TRUE(torch::equal(back[0], logits[0].to(torch::kHalf).to(torch::kFloat32)));
  EXPECT_EQ(back[1][0].item<float>(), 65504.0F);
  EXPECT_EQ(back[1][1].item<float>(), -65504.0F);
}

TEST(StoredLogits, AreNotANumberWhereTheLabelIsYoungerOrNothingWasStored) {
  const auto states = StatesOf(torch::tensor({{1.0F, 2.0F}}), BatchOf({0})).value();
  const torch::Tensor back = StoredLogits({DrawnWith({states[0]}), DrawnWith({})}, 4);
  EXPECT_EQ(back.sizes(), (std::vector<int64_t>{2, 4}));
  const torch::Tensor expected = torch::tensor({{true, true, false, false}, {false, false, false, false}});
  EXPECT_TRUE(torch::equal(torch::isfinite(back), expected));
  EXPECT_EQ(back[0][1].item<float>(), 2.0F);
}

TEST(StoredLogits, TheLossIsTheRowsCrossEntropy) {
  torch::manual_seed(1);
  const torch::Tensor logits = torch::randn({6, 5}) * 8;
  const StepBatch batch = BatchOf({0, 1, 2, 3, 4, 0});
  const auto states = StatesOf(logits, batch).value();
  const torch::Tensor expected = torch::cross_entropy_loss(logits, batch.targets, {}, at::Reduction::None);
  for (int64_t i = 0; i < 6; ++i) {
    EXPECT_NEAR(states[static_cast<size_t>(i)].loss, expected[i].item<float>(), 1e-4);
  }
}

TEST(StoredLogits, ARowThatIsNotFiniteKeepsNothing) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto states = StatesOf(torch::tensor({{1.0F, nan}, {1.0F, 2.0F}}), BatchOf({0, 1})).value();
  EXPECT_TRUE(states[0].logits.empty());
  EXPECT_TRUE(std::isnan(states[0].loss));
  EXPECT_EQ(states[1].logits.size(), 2U);
}

TEST(StoredLogits, OfAStepUnderWayAreWhatTheMemoryGetsLater) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const torch::Tensor logits = torch::tensor({{0.1F, -2.5F, 7.0F}, {1e6F, -1e6F, 3.0F}, {1.0F, nan, 2.0F}});
  const auto states = StatesOf(logits, BatchOf({2, 0, 1})).value();
  const torch::Tensor later = StoredLogits({DrawnWith({states[0]}), DrawnWith({states[1]}), DrawnWith({states[2]})}, 3);
  EXPECT_TRUE(torch::allclose(AsStored(logits), later, 0, 0, true));
}

TEST(StoredLogits, AStrategyThatHandsNothingOutIsTold) {
  EXPECT_EQ(StatesOf({}, BatchOf({0})).status().code(), Code::kInternal);
  EXPECT_EQ(StatesOf(torch::zeros({3, 2}), BatchOf({0})).status().code(), Code::kInternal);
}

// Keeps what its Loss saw.
class Watching final : public LogitStrategy {
 public:
  struct Step {
    torch::Tensor stored, logits;
    int64_t fresh = 0;
  };
  Watching(bool refreshes, std::vector<Step>& steps) : LogitStrategy(refreshes), steps_(steps) {}
  torch::Tensor Loss(const StepContext& context, const StepBatch& batch) override {
    torch::Tensor loss = LogitStrategy::Loss(context, batch);
    steps_.push_back({batch.stored_logits, *context.logits_out, batch.fresh});
    return loss;
  }

 private:
  std::vector<Step>& steps_;
};

std::vector<Watching::Step> StepsOf(bool refreshes) {
  std::vector<Watching::Step> steps;
  auto hub = Hub::InMemory(testing_support::NothingHeldOut());
  hub->Feed(0, 40, "base");
  TrainerOptions options = SmallOptions();
  options.make_strategy = [&](std::string_view) -> Result<std::unique_ptr<Strategy>> {
    return std::unique_ptr<Strategy>(std::make_unique<Watching>(refreshes, steps));
  };
  options.replay.capacity = 1000;  // nothing is evicted
  options.replay_per_step = 1000;  // all of the memory, each step
  auto trainer = hub->OpenTrainer(options);
  EXPECT_NE(trainer, nullptr);
  TrainAll(*trainer, hub->log(), 8);
  return steps;
}

// The rows of `all` that are, up to rounding, among those of `stored`, where a stored one is known.
int64_t CountFound(const torch::Tensor& all, const torch::Tensor& stored) {
  int64_t found = 0;
  for (int64_t i = 0; i < all.size(0); ++i) {
    const int64_t labels = all.size(1);
    const torch::Tensor wanted = all[i].to(torch::kHalf).to(torch::kFloat32);
    for (int64_t k = 0; k < stored.size(0); ++k) {
      if (!torch::equal(stored[k].narrow(0, 0, labels), wanted)) continue;
      ++found;
      break;
    }
  }
  return found;
}

TEST(StreamTrainerLogits, WhatIsReplayedIsWhatTheNetworkSaidWhenTheSampleArrived) {
  const auto steps = StepsOf(false);
  ASSERT_EQ(steps.size(), 8U);
  EXPECT_FALSE(steps[0].stored.defined()) << "nothing to replay yet";
  for (size_t i = 0; i + 1 < steps.size(); ++i) {
    const torch::Tensor fresh = steps[i].logits.narrow(0, 0, steps[i].fresh);
    // Once stored, they stay: all later steps replay them.
    for (size_t later = i + 1; later < steps.size(); ++later) {
      EXPECT_EQ(CountFound(fresh, steps[later].stored), fresh.size(0)) << i << " in " << later;
    }
  }
}

TEST(StreamTrainerLogits, ARefreshingStrategyReplaysWhatTheNetworkSaidInTheStepBefore) {
  const auto steps = StepsOf(true);
  ASSERT_EQ(steps.size(), 8U);
  for (size_t i = 0; i + 1 < steps.size(); ++i) {
    EXPECT_EQ(CountFound(steps[i].logits, steps[i + 1].stored), steps[i].logits.size(0)) << i;
  }
}

TEST(StreamTrainerLogits, OtherStrategiesKeepNone) {
  auto hub = Hub::InMemory(testing_support::NothingHeldOut());
  hub->Feed(0, 40, "base");
  uint64_t bytes[2] = {};
  for (const char* strategy : {"er", "logits"}) {
    TrainerOptions options = SmallOptions();
    options.name = strategy;
    options.strategy = strategy;
    options.make_strategy = MakeAny;
    auto trainer = hub->OpenTrainer(options);
    TrainAll(*trainer, hub->log(), 5);
    bytes[strategy == std::string("logits")] = trainer->GetStatus().replay_bytes;
  }
  EXPECT_GT(bytes[1], bytes[0] + 20 * 4);
}

}  // namespace
}  // namespace perennial::trainer
