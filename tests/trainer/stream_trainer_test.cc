#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/trainer/training_data.h"
#include "trainer/online_trainer.h"

namespace perennial::trainer {
namespace {

using testing_support::Hub;
using testing_support::MakeSample;
using testing_support::NothingHeldOut;
using testing_support::SmallOptions;
using testing_support::Soon;
using testing_support::TrainAll;

// Options whose on_step collects what was trained.
TrainerOptions Recording(std::vector<std::vector<Offset>>& batches) {
  TrainerOptions options = SmallOptions();
  options.on_step = [&batches](uint64_t, const std::vector<Offset>& fresh) { batches.push_back(fresh); };
  return options;
}

TEST(StreamTrainer, LearnsWhatNeedsBothPictureAndText) {
  auto hub = Hub::InMemory();
  hub->Feed(0, 2400, "base");
  ASSERT_TRUE(hub->log().AppendFlush().ok());
  TrainerOptions options = SmallOptions();
  options.new_per_step = 10;
  options.replay_per_step = 22;
  options.replay.capacity = 500;
  auto trainer = hub->OpenTrainer(options);
  TrainAll(*trainer, hub->log());
  const auto candidate = trainer->MakeCandidate(nullptr, 1, 0);
  ASSERT_TRUE(candidate.ok()) << candidate.status().ToString();
  EXPECT_GT(candidate->report.average_accuracy, 0.9) << candidate->report.ToJson();
  EXPECT_TRUE(candidate->accepted);
  EXPECT_TRUE(candidate->image.Validate().ok());
  EXPECT_EQ(candidate->image.slices, std::vector<std::string>{"base"});
  EXPECT_EQ(candidate->image.trained_until, hub->log().End().value);
}

TEST(StreamTrainer, BatchesAreTheNextTrainableEntriesAndAFlushTrainsTheTail) {
  auto hub = Hub::InMemory(NothingHeldOut());
  hub->Feed(0, 10, "base");
  ASSERT_TRUE(hub->log().AppendFlush().ok());
  hub->Feed(10, 14, "base");
  ASSERT_TRUE(hub->log().AppendFlush().ok());
  std::vector<std::vector<Offset>> batches;
  auto trainer = hub->OpenTrainer(Recording(batches));
  TrainAll(*trainer, hub->log());
  const auto offsets = [](uint64_t begin, uint64_t end) {
    std::vector<Offset> out;
    for (uint64_t i = begin; i < end; ++i) out.push_back(Offset{i});
    return out;
  };
  ASSERT_EQ(batches.size(), 4u);
  EXPECT_EQ(batches[0], offsets(0, 4));
  EXPECT_EQ(batches[1], offsets(4, 8));
  EXPECT_EQ(batches[2], offsets(8, 10));
  EXPECT_EQ(batches[3], offsets(11, 15));
  EXPECT_TRUE(trainer->GetStatus().flush_due);
}

TEST(StreamTrainer, GdumbLearnsFromItsMemoryWhenACandidateIsWanted) {
  auto hub = Hub::InMemory();
  hub->Feed(0, 1200, "base");
  ASSERT_TRUE(hub->log().AppendFlush().ok());
  TrainerOptions options = SmallOptions();
  options.strategy = "gdumb";
  options.new_per_step = 10;
  options.replay_per_step = 22;
  options.replay.capacity = 300;
  auto trainer = hub->OpenTrainer(options);
  TrainAll(*trainer, hub->log());
  EXPECT_EQ(trainer->GetStatus().loss, 0) << "the stream's steps teach nothing";
  const auto first = trainer->MakeCandidate(nullptr, 1, 0);
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  EXPECT_GT(first->report.average_accuracy, 0.6) << first->report.ToJson();
  const auto again = trainer->MakeCandidate(nullptr, 1, 0);
  EXPECT_EQ(again->report.average_accuracy, first->report.average_accuracy) << "the same memory, the same network";
}

TEST(StreamTrainer, TheTeacherMayBeAnotherAverageAndIsResumed) {
  const auto fingerprint = [](double decay, bool resume) {
    auto hub = Hub::InMemory();
    hub->Feed(0, 300, "base");
    EXPECT_TRUE(hub->log().AppendFlush().ok());  // held-out samples leave a batch that is not full
    TrainerOptions options = SmallOptions();
    options.strategy = "default";
    options.ema_decay = 0.9;
    options.teacher_decay = decay;
    auto trainer = hub->OpenTrainer(options);
    TrainAll(*trainer, hub->log());
    if (resume) {
      EXPECT_TRUE(trainer->Checkpoint().ok());
      trainer.reset();
      trainer = hub->OpenTrainer(options);
    }
    hub->Feed(300, 600, "base");
    EXPECT_TRUE(hub->log().AppendFlush().ok());
    TrainAll(*trainer, hub->log());
    return trainer->Fingerprint();
  };
  EXPECT_EQ(fingerprint(0.99, false), fingerprint(0.99, true));
  EXPECT_NE(fingerprint(0.99, false), fingerprint(0, false));
  EXPECT_EQ(fingerprint(0, false), fingerprint(0, true));
  EXPECT_EQ(fingerprint(0, false), fingerprint(0.9, false)) << "the same decay is the same average";
}

TEST(StreamTrainer, WaitsForAFullBatchWithoutAFlush) {
  auto hub = Hub::InMemory(NothingHeldOut());
  hub->Feed(0, 3, "base");
  std::vector<std::vector<Offset>> batches;
  auto trainer = hub->OpenTrainer(Recording(batches));
  const auto waited = trainer->Step(SystemClock().In(std::chrono::milliseconds(20)));
  ASSERT_TRUE(waited.ok());
  EXPECT_EQ(*waited, OnlineTrainer::StepOutcome::kNoData);
  EXPECT_EQ(trainer->GetStatus().cursor, Offset{0});
  hub->Feed(3, 4, "base");
  const auto stepped = trainer->Step(Soon());
  ASSERT_TRUE(stepped.ok());
  EXPECT_EQ(*stepped, OnlineTrainer::StepOutcome::kStepped);
  EXPECT_EQ(batches.at(0).size(), 4u);
}

TEST(StreamTrainer, NeverTrainsOnHeldOutSamples) {
  samples::SampleLogOptions options;
  options.held_out_share = 0.3;
  auto hub = Hub::InMemory(options);
  hub->Feed(0, 200, "base");
  format::Sample test_part = MakeSample(1000, "base");
  test_part.part = format::Part::kTest;
  ASSERT_TRUE(hub->log().Append({test_part}).ok());
  ASSERT_TRUE(hub->log().AppendFlush().ok());
  std::vector<std::vector<Offset>> batches;
  auto trainer = hub->OpenTrainer(Recording(batches));
  TrainAll(*trainer, hub->log());
  std::set<Offset> trained;
  for (const auto& batch : batches) trained.insert(batch.begin(), batch.end());
  size_t held_out = 0;
  for (uint64_t i = 0; i < hub->log().End().value; ++i) {
    const auto entry = hub->log().Read(Offset{i});
    ASSERT_TRUE(entry.ok());
    held_out += entry->held_out ? 1 : 0;
    EXPECT_EQ(trained.count(Offset{i}), entry->Trainable() ? 1u : 0u) << i;
  }
  EXPECT_GT(held_out, 20u);
  EXPECT_GT(trained.size(), 100u);
}

TEST(StreamTrainer, ALateLabelMakesItsSampleTrainableOnce) {
  auto hub = Hub::InMemory(NothingHeldOut());
  std::vector<format::Sample> waiting;
  for (uint64_t i = 0; i < 4; ++i) {
    waiting.push_back(MakeSample(i, "base"));
    waiting.back().label.reset();
  }
  ASSERT_TRUE(hub->log().Append(waiting).ok());
  hub->Feed(4, 8, "base");
  ASSERT_TRUE(hub->log().AppendLateLabel("test", "2", "red").ok());
  EXPECT_FALSE(hub->log().AppendLateLabel("test", "2", "green").ok());
  ASSERT_TRUE(hub->log().AppendFlush().ok());
  std::vector<std::vector<Offset>> batches;
  auto trainer = hub->OpenTrainer(Recording(batches));
  TrainAll(*trainer, hub->log());
  ASSERT_EQ(batches.size(), 2u);
  EXPECT_EQ(batches[0], (std::vector<Offset>{Offset{4}, Offset{5}, Offset{6}, Offset{7}}));
  EXPECT_EQ(batches[1], std::vector<Offset>{Offset{8}});
}

TEST(StreamTrainer, GrowsItsLabelsInMidStreamAndGoesOnLearning) {
  auto hub = Hub::InMemory();
  hub->Feed(0, 400, "base");
  hub->Feed(400, 1600, "new");  // other labels
  ASSERT_TRUE(hub->log().AppendFlush().ok());
  TrainerOptions options = SmallOptions();
  options.replay.capacity = 500;
  options.replay_per_step = 20;
  auto trainer = hub->OpenTrainer(options);
  TrainAll(*trainer, hub->log(), 50);
  EXPECT_EQ(trainer->GetStatus().labels, 3u);
  TrainAll(*trainer, hub->log());
  EXPECT_EQ(trainer->GetStatus().labels, 6u);
  const auto candidate = trainer->MakeCandidate(nullptr, 1, 0);
  ASSERT_TRUE(candidate.ok());
  EXPECT_EQ(candidate->image.labels.size(), 6u);
  ASSERT_EQ(candidate->report.slices.size(), 2u);
  EXPECT_GT(candidate->report.slices[1].accuracy, 0.6) << candidate->report.ToJson();
}

TEST(StreamTrainer, TheNaiveStrategyKeepsNoMemory) {
  auto hub = Hub::InMemory();
  hub->Feed(0, 80, "base");
  ASSERT_TRUE(hub->log().AppendFlush().ok());
  TrainerOptions options = SmallOptions();
  options.name = "naive";
  options.strategy = "naive";
  auto trainer = hub->OpenTrainer(options);
  EXPECT_GT(TrainAll(*trainer, hub->log()), 10u);
  EXPECT_EQ(trainer->GetStatus().replay_size, 0u);
}

TEST(StreamTrainer, TrainsOnSamplesWithOneModalityOnlyAndWithEveryAugmentation) {
  auto hub = Hub::InMemory(NothingHeldOut());
  std::vector<format::Sample> mixed;
  for (uint64_t i = 0; i < 60; ++i) {
    mixed.push_back(MakeSample(i, "base"));
    if (i % 3 == 0) mixed.back().text.clear();
    if (i % 3 == 1) mixed.back().image.clear();
  }
  ASSERT_TRUE(hub->log().Append(mixed).ok());
  ASSERT_TRUE(hub->log().AppendFlush().ok());
  TrainerOptions options = SmallOptions();
  options.augment = {0.2, 0.05, 0.3, 0.5, 1};
  auto trainer = hub->OpenTrainer(options);
  EXPECT_EQ(TrainAll(*trainer, hub->log()), 15u);
  EXPECT_EQ(trainer->GetStatus().skipped_steps, 0u);
}

TEST(StreamTrainer, DecodeThreadsDoNotChangeTheResult) {
  auto hub = Hub::InMemory();
  hub->Feed(0, 120, "base");
  ASSERT_TRUE(hub->log().AppendFlush().ok());
  std::vector<std::string> fingerprints;
  for (const int threads : {1, 3}) {
    TrainerOptions options = SmallOptions();
    options.name = "with-" + std::to_string(threads);
    options.decode_threads = threads;
    options.augment.noise = 0.1;
    auto trainer = hub->OpenTrainer(options);
    TrainAll(*trainer, hub->log());
    fingerprints.push_back(trainer->Fingerprint().Hex());
  }
  EXPECT_EQ(fingerprints[0], fingerprints[1]);
}

TEST(StreamTrainer, SaysWhatIsWrongWithItsOptions) {
  auto hub = Hub::InMemory();
  TrainerOptions options = SmallOptions();
  options.strategy = "er2";
  const auto unknown = OnlineTrainer::Open(options, hub->log(), hub->store(), hub->clock());
  EXPECT_EQ(unknown.status().code(), Code::kInvalidArgument);
  EXPECT_NE(unknown.status().ToString().find(
                "cls_er, default, der, der_pp, er, er_ace, ewc, gdumb, lwf, max, naive, retrain"),
            std::string::npos)
      << unknown.status().ToString();
  options = SmallOptions();
  options.new_per_step = 0;
  EXPECT_EQ(OnlineTrainer::Open(options, hub->log(), hub->store(), hub->clock()).status().code(),
            Code::kInvalidArgument);
  options = SmallOptions();
  EXPECT_EQ(hub->OpenTrainer(options)->MakeCandidate(nullptr, 1, 0).status().code(), Code::kFailedPrecondition);
}

}  // namespace
}  // namespace perennial::trainer
