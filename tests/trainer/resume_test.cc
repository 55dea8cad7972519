#include <gtest/gtest.h>

#include <map>

#include "storage/base/env.h"
#include "storage/base/rng.h"
#include "tests/trainer/logit_strategy.h"
#include "tests/trainer/training_data.h"

namespace perennial::trainer {
namespace {

using testing_support::Hub;
using testing_support::SmallOptions;
using testing_support::TrainAll;

// A stream with everything that could break a resume: two slices, labels that come in mid-stream, a late label,
// flushes, held-out samples.
void FeedStream(Hub& hub) {
  hub.Feed(0, 50, "base");
  format::Sample waiting = testing_support::MakeSample(500, "base");
  waiting.label.reset();
  ASSERT_TRUE(hub.log().Append({waiting}).ok());
  ASSERT_TRUE(hub.log().AppendFlush().ok());
  hub.Feed(50, 90, "new");
  ASSERT_TRUE(hub.log().AppendLateLabel("test", "500", "red").ok());
  hub.Feed(90, 120, "new");
  ASSERT_TRUE(hub.log().AppendFlush().ok());
}

TrainerOptions FullOptions() {
  TrainerOptions options = SmallOptions();
  options.augment = {0.2, 0.05, 0.2, 0.3, 1};
  options.spec.modality_dropout = 0.2;
  return options;
}

Hash256 Uninterrupted(Hub& hub, TrainerOptions options) {
  options.name = "uninterrupted";
  auto trainer = hub.OpenTrainer(options);
  TrainAll(*trainer, hub.log());
  return trainer->Fingerprint();
}

// Trains with a crash (the object goes without a checkpoint) after a random number of steps, again and again. Returns
// the fingerprint at the end; `trained` maps a step to what was trained in it last.
Hash256 Interrupted(Hub& hub, TrainerOptions options, Rng& rng, std::map<uint64_t, std::vector<Offset>>& trained) {
  options.on_step = [&trained](uint64_t step, const std::vector<Offset>& fresh) {
    const auto [at, added] = trained.try_emplace(step, fresh);
    if (!added) {
      EXPECT_EQ(at->second, fresh) << "step " << step << " trained on other samples after a resume";
    }
  };
  for (int crashes = 0; crashes < 200; ++crashes) {
    auto trainer = hub.OpenTrainer(options);
    TrainAll(*trainer, hub.log(), 1 + rng.Below(9));
    if (trainer->GetStatus().cursor == hub.log().End()) return trainer->Fingerprint();
  }
  ADD_FAILURE() << "no end after 200 crashes";
  return {};
}

TEST(Resume, IsBitIdenticalAfterCrashesAtRandomPoints) {
  auto hub = Hub::InMemory();
  FeedStream(*hub);
  const Hash256 expected = Uninterrupted(*hub, FullOptions());
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    Rng rng(seed);
    std::map<uint64_t, std::vector<Offset>> trained;
    TrainerOptions options = FullOptions();
    options.name = "interrupted-" + std::to_string(seed);
    EXPECT_EQ(Interrupted(*hub, options, rng, trained), expected) << "seed " << seed;
    std::map<Offset, int> times;
    for (const auto& [step, offsets] : trained) {
      for (const Offset offset : offsets) EXPECT_EQ(++times[offset], 1) << "trained twice: " << offset.ToString();
    }
  }
}

// With evictions by both budgets, packed pictures and draws that miss the cache.
TEST(Resume, IsBitIdenticalForEveryStrategyAndWhatItStores) {
  auto hub = Hub::InMemory();
  FeedStream(*hub);
  std::vector<std::string> strategies = StrategyNames();
  strategies.insert(strategies.end(), {"logits", "logits_refreshed"});
  for (const std::string& strategy : strategies) {
    TrainerOptions options = FullOptions();
    options.strategy = strategy;
    options.make_strategy = testing_support::MakeAny;
    options.replay.capacity_bytes = 6000;
    options.replay.cache_bytes = 3000;
    options.replay.payload = replay::ReplayOptions::Payload::kDeflate;
    options.name = "whole-" + strategy;
    auto whole = hub->OpenTrainer(options);
    TrainAll(*whole, hub->log());
    Rng rng(strategy.size());
    std::map<uint64_t, std::vector<Offset>> trained;
    options.name = "interrupted-" + strategy;
    EXPECT_EQ(Interrupted(*hub, options, rng, trained), whole->Fingerprint()) << strategy;
  }
}

TEST(Resume, IsBitIdenticalWithAHerdedMemory) {
  auto hub = Hub::InMemory();
  FeedStream(*hub);
  TrainerOptions options = FullOptions();
  options.replay.policy = replay::ReplayOptions::Policy::kHerding;
  const Hash256 expected = Uninterrupted(*hub, options);
  Rng rng(4);
  std::map<uint64_t, std::vector<Offset>> trained;
  options.name = "interrupted-herding";
  EXPECT_EQ(Interrupted(*hub, options, rng, trained), expected);
}

TEST(Resume, IsBitIdenticalWithAnInstantHead) {
  auto hub = Hub::InMemory();
  FeedStream(*hub);
  TrainerOptions options = FullOptions();
  options.instant_width = 40;
  const Hash256 expected = Uninterrupted(*hub, options);
  auto other = Hub::InMemory();
  FeedStream(*other);
  EXPECT_NE(expected, Uninterrupted(*other, FullOptions())) << "what the head has seen is no part of it";
  Rng rng(3);
  std::map<uint64_t, std::vector<Offset>> trained;
  options.name = "interrupted-instant";
  EXPECT_EQ(Interrupted(*hub, options, rng, trained), expected);
}

TEST(Resume, TheInstantHeadMayBeTurnedOnAndOffAndKeepsItsFeatures) {
  auto hub = Hub::InMemory();
  FeedStream(*hub);
  TrainerOptions options = FullOptions();
  const auto run = [&](uint64_t steps) {
    auto trainer = hub->OpenTrainer(options);
    TrainAll(*trainer, hub->log(), steps);
    EXPECT_TRUE(trainer->Checkpoint().ok());
    return trainer->GetStatus().instant_bytes;
  };
  EXPECT_EQ(run(3), 0u);
  options.instant_width = 40;
  EXPECT_GT(run(3), 0u) << "a checkpoint without a head opens";
  options.instant_width = 41;
  const auto other = OnlineTrainer::Open(options, hub->log(), hub->store(), hub->clock());
  EXPECT_EQ(other.status().code(), Code::kFailedPrecondition);
  EXPECT_NE(other.status().hint().find("width"), std::string::npos) << other.status().ToString();
  options.instant_width = 0;
  EXPECT_EQ(run(3), 0u);
  options.instant_width = 41;
  EXPECT_GT(run(3), 0u) << "what was turned off is gone from the checkpoint";
}

TEST(Resume, TheCacheOfDecodedPicturesDecidesNothing) {
  auto hub = Hub::InMemory();
  FeedStream(*hub);
  const Hash256 expected = Uninterrupted(*hub, FullOptions());
  TrainerOptions options = FullOptions();
  options.name = "uncached";
  options.replay.cache_bytes = 0;
  auto trainer = hub->OpenTrainer(options);
  TrainAll(*trainer, hub->log());
  EXPECT_EQ(trainer->Fingerprint(), expected);
}

TEST(Resume, IsBitIdenticalOnDiskAfterReopeningTheStore) {
  auto folder = TemporaryFolder::Make("trainer-resume");
  ASSERT_TRUE(folder.ok());
  Hash256 expected;
  {
    auto hub = Hub::OnDisk(folder->path());
    FeedStream(*hub);
    expected = Uninterrupted(*hub, FullOptions());
  }
  Hash256 got;
  for (int round = 0; round < 40; ++round) {
    auto hub = Hub::OnDisk(folder->path());
    auto trainer = hub->OpenTrainer(FullOptions());
    TrainAll(*trainer, hub->log(), 5);
    got = trainer->Fingerprint();
    if (trainer->GetStatus().cursor == hub->log().End()) break;
  }
  EXPECT_EQ(got, expected);
}

TEST(Resume, ACheckpointByHandInTheMiddleChangesNothing) {
  auto hub = Hub::InMemory();
  FeedStream(*hub);
  const Hash256 expected = Uninterrupted(*hub, FullOptions());
  TrainerOptions options = FullOptions();
  options.name = "by-hand";
  {
    auto trainer = hub->OpenTrainer(options);
    TrainAll(*trainer, hub->log(), 7);
    ASSERT_TRUE(trainer->Checkpoint().ok());
    TrainAll(*trainer, hub->log(), 1);
  }
  auto trainer = hub->OpenTrainer(options);
  EXPECT_EQ(trainer->GetStatus().steps, 7u);
  TrainAll(*trainer, hub->log());
  EXPECT_EQ(trainer->Fingerprint(), expected);
}

TEST(Resume, EvaluatingAndPublishingDoNotTouchWhatIsLearned) {
  auto hub = Hub::InMemory();
  FeedStream(*hub);
  const Hash256 expected = Uninterrupted(*hub, FullOptions());
  TrainerOptions options = FullOptions();
  options.name = "publishing";
  auto trainer = hub->OpenTrainer(options);
  for (uint64_t version = 1; trainer->GetStatus().cursor < hub->log().End(); ++version) {
    TrainAll(*trainer, hub->log(), 4);
    const auto candidate = trainer->MakeCandidate(nullptr, 1, 0);
    ASSERT_TRUE(candidate.ok());
    trainer->Published(*candidate, VersionId{version});
  }
  EXPECT_EQ(trainer->Fingerprint(), expected);
}

TEST(Resume, TheGatesReferenceSurvives) {
  auto hub = Hub::InMemory();
  FeedStream(*hub);
  TrainerOptions options = FullOptions();
  {
    auto trainer = hub->OpenTrainer(options);
    TrainAll(*trainer, hub->log());
    const auto candidate = trainer->MakeCandidate(nullptr, 1, 0);
    ASSERT_TRUE(candidate.ok());
    trainer->Published(*candidate, VersionId{1});
    ASSERT_TRUE(trainer->Checkpoint().ok());
  }
  auto trainer = hub->OpenTrainer(options);
  const auto again = trainer->MakeCandidate(nullptr, 1, 0);
  ASSERT_TRUE(again.ok());
  EXPECT_FALSE(again->accepted);
  EXPECT_NE(again->reason.find("nothing was gained"), std::string::npos) << again->reason;
}

}  // namespace
}  // namespace perennial::trainer
