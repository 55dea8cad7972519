// A source is forgotten: what is left is what a stream without it would have left, but for the network's weights.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "replay/replay_buffer.h"
#include "storage/base/rng.h"
#include "tests/trainer/training_data.h"
#include "trainer/checkpoint.h"
#include "trainer/instant_learner.h"

namespace perennial::trainer {
namespace {

using testing_support::Hub;
using testing_support::MakeSample;
using testing_support::NothingHeldOut;
using testing_support::SmallOptions;
using testing_support::Soon;
using testing_support::TrainAll;

TrainerOptions InstantOptionsOf(const std::string& name = "main") {
  TrainerOptions options = SmallOptions();
  options.name = name;
  options.instant_width = 48;
  options.schedule = {1, 2, 30};
  options.strategy = "default";
  return options;
}

format::Sample Of(uint64_t number, const std::string& source) {
  format::Sample sample = MakeSample(number, "base");
  sample.source = source;
  return sample;
}

void Append(Hub& hub, std::vector<format::Sample> samples) { ASSERT_TRUE(hub.log().Append(std::move(samples)).ok()); }

// Samples [begin, end) of "line"; before some of them, as `rng` says, one of "bad", whose numbers begin at 1000.
void FeedMixed(Hub& hub, uint64_t begin, uint64_t end, bool with_bad, Rng rng) {
  std::vector<format::Sample> samples;
  for (uint64_t i = begin; i < end; ++i) {
    if (rng.Below(3) == 0 && with_bad) samples.push_back(Of(1000 + i, "bad"));
    samples.push_back(Of(i, "line"));
  }
  Append(hub, std::move(samples));
}

Checkpoint Saved(Hub& hub, const std::string& name = "main") {
  const kv::Family family = hub.store().FindFamily(kCheckpointFamily).value();
  return LoadCheckpoint(hub.store(), family, name).value().value();
}

std::set<std::string> RememberedSources(Hub& hub, const TrainerOptions& options) {
  replay::ReplayOptions replay = options.replay;
  replay.image_size = static_cast<int>(options.spec.image_size);
  replay.item_state = true;
  auto buffer = replay::ReplayBuffer::Open(hub.store(), options.name, replay).value();
  Rng rng(1);
  std::set<std::string> sources;
  const auto drawn = buffer->Draw(buffer->size(), rng).value();
  for (const replay::Drawn& one : drawn) sources.insert(one.example->source);
  return sources;
}

size_t Erased(const samples::SampleLog& log) {
  const auto entries = log.ReadRange(Offset{0}, 10'000).value();
  return static_cast<size_t>(std::count_if(entries.begin(), entries.end(), [](const samples::Entry& entry) {
    return entry.kind == samples::EntryKind::kErased;
  }));
}

void StepUntilForgotten(OnlineTrainer& trainer, const samples::SampleLog& log, Offset entry) {
  const SteadyTime deadline = Soon();
  while (log.Readers().value().at(0).done <= entry) {
    ASSERT_LT(SystemClock().Now(), deadline);
    ASSERT_TRUE(trainer.Step(deadline).ok());
  }
}

TEST(Forget, StatisticsAndCountsAreThoseOfAStreamThatNeverHeldTheSource) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    // Labels get their numbers in the same order: all of them come first.
    std::unique_ptr<Hub> hubs[2];
    for (const bool with : {false, true}) {
      std::unique_ptr<Hub>& hub = hubs[with ? 1 : 0];
      hub = Hub::InMemory(NothingHeldOut());
      FeedMixed(*hub, 0, 20, false, Rng(seed));
      auto trainer = hub->OpenTrainer(InstantOptionsOf());
      ASSERT_NE(trainer, nullptr);
      FeedMixed(*hub, 20, 60, with, Rng(seed));
      if (with) {
        TrainAll(*trainer, hub->log(), seed);  // some of it is read by now, some is not
        ASSERT_TRUE(hub->log().Forget("bad", false).ok());
      }
      FeedMixed(*hub, 60, 80, false, Rng(seed));
      ASSERT_TRUE(hub->log().AppendFlush().ok());
      TrainAll(*trainer, hub->log());
      ASSERT_TRUE(trainer->Checkpoint().ok());
    }
    const Checkpoint without = Saved(*hubs[0]), after = Saved(*hubs[1]);
    EXPECT_EQ(after.labels, without.labels);
    ASSERT_TRUE(after.instant && without.instant);
    EXPECT_EQ(*after.instant, *without.instant) << "to the bit";
    EXPECT_EQ(after.label_samples, without.label_samples);
    EXPECT_EQ(RememberedSources(*hubs[1], InstantOptionsOf()), std::set<std::string>{"line"});
    EXPECT_EQ(Erased(hubs[1]->log()), hubs[1]->log().FindSource("bad").value().samples);
  }
}

TEST(Forget, WhatIsForgottenIsReadableUntilThatIsSavedAndErasedThen) {
  auto hub = Hub::InMemory(NothingHeldOut());
  auto trainer = hub->OpenTrainer(InstantOptionsOf());
  FeedMixed(*hub, 0, 42, true, Rng(3));
  TrainAll(*trainer, hub->log(), 3);
  const Offset at = hub->log().Forget("bad", false).value();
  EXPECT_EQ(Erased(hub->log()), 0u);
  // Not before the trainer reads the entry, however often it saves.
  ASSERT_TRUE(trainer->Checkpoint().ok());
  EXPECT_EQ(Erased(hub->log()), 0u);
  EXPECT_LE(hub->log().Readers().value().at(0).done, at);
  StepUntilForgotten(*trainer, hub->log(), at);
  EXPECT_GT(Erased(hub->log()), 0u);
  EXPECT_EQ(hub->log().Readers().value().at(0).done, Offset{at.value + 1});
  EXPECT_TRUE(trainer->GetStatus().flush_due) << "nodes are to get another version";
}

// One of four in a batch: most of what "bad" sends waits.
TrainerOptions LimitedOptions() {
  TrainerOptions options = InstantOptionsOf();
  options.source_batch_share = 0.25;
  options.replay.source_share = 0.3;
  return options;
}

// Samples [begin, end) of five lines; after each, as `rng` says, one of "bad", whose numbers begin at 1000.
void FeedLoud(Hub& hub, uint64_t begin, uint64_t end, bool with_bad, Rng rng) {
  std::vector<format::Sample> samples;
  for (uint64_t i = begin; i < end; ++i) {
    samples.push_back(Of(i, "line " + std::to_string(i % 5)));
    if (rng.Chance(0.6) && with_bad) samples.push_back(Of(1000 + i, "bad"));
  }
  Append(hub, std::move(samples));
}

TEST(Forget, WhatWaitsByTheLimitOnSourcesIsLetGoOfAndWhatWasTrainedOnIsTakenOut) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(seed);
    std::unique_ptr<Hub> hubs[2];
    std::set<Offset> trained;
    for (const bool with : {false, true}) {
      std::unique_ptr<Hub>& hub = hubs[with ? 1 : 0];
      hub = Hub::InMemory(NothingHeldOut());
      TrainerOptions options = LimitedOptions();
      trained.clear();
      options.on_step = [&](uint64_t, const std::vector<Offset>& fresh) { trained.insert(fresh.begin(), fresh.end()); };
      FeedLoud(*hub, 0, 20, false, Rng(seed));
      auto trainer = hub->OpenTrainer(options);
      FeedLoud(*hub, 20, 120, with, Rng(seed));
      if (with) {
        TrainAll(*trainer, hub->log(), 5 * seed);
        ASSERT_TRUE(hub->log().Forget("bad", false).ok());
      }
      FeedLoud(*hub, 120, 140, false, Rng(seed));
      ASSERT_TRUE(hub->log().AppendFlush().ok());
      TrainAll(*trainer, hub->log());
      ASSERT_TRUE(trainer->Checkpoint().ok());
    }
    const auto bad = hubs[1]->log().OffsetsOf("bad", samples::SourceUse::kTrainable, Offset{0}, Offset{1000}).value();
    const auto trained_bad = std::count_if(bad.begin(), bad.end(), [&](Offset one) { return trained.contains(one); });
    EXPECT_GT(trained_bad, 5) << "else nothing was to be taken out";
    EXPECT_LT(trained_bad, static_cast<std::ptrdiff_t>(bad.size()) - 5) << "else nothing was waiting";
    const Checkpoint without = Saved(*hubs[0]), after = Saved(*hubs[1]);
    EXPECT_EQ(after.labels, without.labels);
    EXPECT_EQ(*after.instant, *without.instant) << "to the bit";
    EXPECT_EQ(after.label_samples, without.label_samples);
    EXPECT_EQ(RememberedSources(*hubs[1], LimitedOptions()).count("bad"), 0u);
    EXPECT_EQ(Erased(hubs[1]->log()), bad.size());
  }
}

// `kept`: another reader never lets go, so a resumed trainer finds again what it has let go of.
Hash256 TrainInPieces(uint64_t most_steps, bool kept, uint64_t seed) {
  auto hub = Hub::InMemory(NothingHeldOut());
  for (const char* reader : {"main", "other"}) {
    if (!kept && reader == std::string("other")) continue;
    EXPECT_TRUE(hub->log().NoteReader(reader, Offset{0}).ok());
  }
  FeedLoud(*hub, 0, 70, true, Rng(1));
  EXPECT_TRUE(hub->log().Forget("bad", false).ok());
  FeedLoud(*hub, 70, 110, true, Rng(2));
  EXPECT_TRUE(hub->log().Forget("bad", false).ok());
  EXPECT_TRUE(hub->log().Forget("line 3", true).ok());
  FeedLoud(*hub, 110, 113, true, Rng(3));
  EXPECT_TRUE(hub->log().AppendFlush().ok());
  Rng rng(seed);
  for (int run = 0; run < 400; ++run) {
    auto trainer = hub->OpenTrainer(LimitedOptions());
    TrainAll(*trainer, hub->log(), most_steps == UINT64_MAX ? most_steps : 1 + rng.Below(most_steps));
    if (trainer->GetStatus().cursor == hub->log().End()) {
      EXPECT_EQ(Erased(hub->log()) > 0, !kept);
      return trainer->Fingerprint();
    }
  }
  ADD_FAILURE() << "it never ends";
  return {};
}

TEST(Forget, ResumesBitIdenticallyWithSamplesThatWaitErasedOrNot) {
  const Hash256 whole = TrainInPieces(UINT64_MAX, false, 0);
  for (const bool kept : {false, true}) {
    for (uint64_t seed = 1; seed <= 4; ++seed) {
      EXPECT_EQ(TrainInPieces(12, kept, seed), whole) << "seed " << seed << (kept ? ", kept" : ", erased");
    }
  }
}

TEST(Forget, AHeadThatBeganLateKnowsWhatWaitedThen) {
  auto hub = Hub::InMemory(NothingHeldOut());
  FeedLoud(*hub, 0, 60, true, Rng(4));
  TrainerOptions options = LimitedOptions();
  options.instant_width = 0;
  std::set<Offset> before_it;
  options.on_step = [&](uint64_t, const std::vector<Offset>& fresh) { before_it.insert(fresh.begin(), fresh.end()); };
  {
    auto trainer = hub->OpenTrainer(options);
    TrainAll(*trainer, hub->log(), 12);
    ASSERT_TRUE(trainer->Checkpoint().ok());
    EXPECT_GT(trainer->GetStatus().waiting, 3u);
  }
  const auto bad = hub->log().OffsetsOf("bad", samples::SourceUse::kTrainable, Offset{0}, Offset{1000}).value();
  const auto of_bad = static_cast<size_t>(
      std::count_if(bad.begin(), bad.end(), [&](Offset one) { return before_it.contains(one); }));
  const size_t lines_before = before_it.size() - of_bad;
  options = LimitedOptions();
  auto trainer = hub->OpenTrainer(options);
  TrainAll(*trainer, hub->log(), 6);  // some of what waited
  ASSERT_TRUE(hub->log().Forget("bad", false).ok());
  ASSERT_TRUE(hub->log().AppendFlush().ok());
  TrainAll(*trainer, hub->log());
  ASSERT_TRUE(trainer->Checkpoint().ok());
  InstantOptions instant;
  instant.spec.width = 48;
  instant.spec.seed = options.instant_seed;
  const auto learner = InstantLearner::Load(*Saved(*hub).instant, instant, options.spec);
  ASSERT_TRUE(learner.ok()) << learner.status().ToString();
  EXPECT_EQ((*learner)->samples(), static_cast<int64_t>(60 - lines_before));
}

TEST(Forget, ANetworkThatIsTrainedAnewSaysSo) {
  auto hub = Hub::InMemory(NothingHeldOut());
  TrainerOptions options = SmallOptions();
  options.strategy = "retrain";
  auto trainer = hub->OpenTrainer(options);
  FeedMixed(*hub, 0, 40, true, Rng(2));
  const Offset at = hub->log().Forget("bad", false).value();
  ASSERT_TRUE(hub->log().AppendFlush().ok());
  TrainAll(*trainer, hub->log());
  const auto candidate = trainer->MakeCandidate(nullptr, 1, 0);
  ASSERT_TRUE(candidate.ok()) << candidate.status().ToString();
  EXPECT_TRUE(candidate->report.trained_anew);
  EXPECT_EQ(candidate->report.forgotten_until, at.value + 1);
  EXPECT_EQ(RememberedSources(*hub, options).count("bad"), 0u);
}

TEST(Forget, SamplesThatWaitForTheirBatchAreNotTrainedOn) {
  auto hub = Hub::InMemory(NothingHeldOut());
  TrainerOptions options = InstantOptionsOf();
  std::vector<Offset> trained;
  options.on_step = [&](uint64_t, const std::vector<Offset>& fresh) {
    trained.insert(trained.end(), fresh.begin(), fresh.end());
  };
  auto trainer = hub->OpenTrainer(options);
  // A batch of four, then one of the line and two of the source, then the entry.
  Append(*hub, {Of(0, "line"), Of(1, "line"), Of(2, "bad"), Of(3, "line"), Of(4, "line"), Of(5, "bad"), Of(6, "bad")});
  const Offset at = hub->log().Forget("bad", false).value();
  Append(*hub, {Of(7, "line"), Of(8, "line"), Of(9, "line")});
  for (int i = 0; i < 10 && trained.size() < 8; ++i) ASSERT_TRUE(trainer->Step(Soon()).ok());
  EXPECT_EQ(trained, (std::vector<Offset>{Offset{0}, Offset{1}, Offset{2}, Offset{3}, Offset{4}, Offset{at.value + 1},
                                          Offset{at.value + 2}, Offset{at.value + 3}}));
  EXPECT_EQ(Erased(hub->log()), 3u);
  ASSERT_TRUE(trainer->Checkpoint().ok());
  EXPECT_EQ(RememberedSources(*hub, options), std::set<std::string>{"line"});
}

TEST(Forget, AResumedTrainerWhoseCursorLiesBeforeTheEntryDoesNotForgetTwice) {
  Hash256 whole;
  for (const bool stops : {false, true}) {
    auto hub = Hub::InMemory(NothingHeldOut());
    const TrainerOptions options = InstantOptionsOf();
    auto trainer = hub->OpenTrainer(options);
    FeedMixed(*hub, 0, 40, true, Rng(5));
    ASSERT_TRUE(hub->log().AppendFlush().ok());
    Append(*hub, {Of(50, "line"), Of(51, "bad"), Of(52, "line")});  // wait for their batch
    const Offset at = hub->log().Forget("bad", false).value();
    StepUntilForgotten(*trainer, hub->log(), at);
    EXPECT_LT(trainer->GetStatus().cursor, at);
    EXPECT_GT(Erased(hub->log()), 0u);
    if (stops) {
      trainer.reset();
      trainer = hub->OpenTrainer(options);
    }
    hub->Feed(60, 80, "base");
    ASSERT_TRUE(hub->log().AppendFlush().ok());
    TrainAll(*trainer, hub->log());
    const Hash256 fingerprint = trainer->Fingerprint();
    if (stops) {
      EXPECT_EQ(fingerprint, whole);
    }
    whole = fingerprint;
  }
}

TEST(Forget, EachOfTwoTrainersHasToLetGo) {
  auto hub = Hub::InMemory(NothingHeldOut());
  auto main = hub->OpenTrainer(InstantOptionsOf());
  TrainerOptions other = SmallOptions();
  other.name = "other";
  auto shadow = hub->OpenTrainer(other);
  FeedMixed(*hub, 0, 40, true, Rng(1));
  ASSERT_TRUE(hub->log().Forget("bad", false).ok());
  ASSERT_TRUE(hub->log().AppendFlush().ok());
  TrainAll(*main, hub->log());
  EXPECT_EQ(Erased(hub->log()), 0u);
  TrainAll(*shadow, hub->log());
  EXPECT_GT(Erased(hub->log()), 0u);
}

TEST(Forget, ATrainerThatIsDroppedIsNotWaitedForAndLeavesNothing) {
  auto hub = Hub::InMemory(NothingHeldOut());
  FeedMixed(*hub, 0, 40, true, Rng(1));
  {
    auto main = hub->OpenTrainer(InstantOptionsOf());
    TrainAll(*main, hub->log(), 5);
    ASSERT_TRUE(main->Checkpoint().ok());
  }
  ASSERT_TRUE(hub->log().Forget("bad", false).ok());
  EXPECT_EQ(Erased(hub->log()), 0u);
  ASSERT_TRUE(OnlineTrainer::Drop("main", hub->log(), hub->store()).ok());
  EXPECT_GT(Erased(hub->log()), 0u);
  for (const std::string& name : OnlineTrainer::Families()) {
    const auto at = hub->store().NewIterator(hub->store().FindFamily(name).value());
    at->SeekToFirst();
    EXPECT_FALSE(at->Valid()) << name;
  }
  // One that begins anew never sees the source.
  ASSERT_TRUE(hub->log().AppendFlush().ok());
  auto anew = hub->OpenTrainer(InstantOptionsOf());
  TrainAll(*anew, hub->log());
  EXPECT_EQ(anew->GetStatus().samples_trained, 40u);
}

TEST(Forget, AForgottenSourceIsEvaluatedOnNoMoreAndOwesAVersion) {
  samples::SampleLogOptions log;
  log.held_out_share = 0.3;
  auto hub = Hub::InMemory(log);
  auto trainer = hub->OpenTrainer(InstantOptionsOf());
  FeedMixed(*hub, 0, 120, true, Rng(2));
  ASSERT_TRUE(hub->log().AppendFlush().ok());
  TrainAll(*trainer, hub->log());
  const auto first = trainer->MakeCandidate(nullptr, 1, 0);
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  trainer->Published(*first, VersionId{1});
  const uint64_t held_out = hub->log().Stats().held_out;
  EXPECT_EQ(first->report.slices.at(0).samples, held_out);

  const Offset at = hub->log().Forget("bad", false).value();
  const uint64_t left = hub->log().Stats().held_out;
  ASSERT_LT(left, held_out);
  TrainAll(*trainer, hub->log());
  EXPECT_TRUE(trainer->GetStatus().flush_due);
  const auto second = trainer->MakeCandidate(&first->image, 1, 0);
  ASSERT_TRUE(second.ok()) << second.status().ToString();
  EXPECT_EQ(second->report.slices.at(0).samples, left);
  EXPECT_EQ(second->report.forgotten_until, at.value + 1);
  EXPECT_TRUE(second->accepted) << second->reason;
  EXPECT_NE(second->reason.find("forgotten"), std::string::npos) << second->reason;
  trainer->Published(*second, VersionId{2});
  const auto third = trainer->MakeCandidate(&second->image, 1, 0);
  ASSERT_TRUE(third.ok());
  EXPECT_EQ(third->reason.find("forgotten"), std::string::npos) << third->reason;
}

TEST(Forget, AHeadThatBeganLateIsAskedForNoMoreThanItHasSeen) {
  auto hub = Hub::InMemory(NothingHeldOut());
  FeedMixed(*hub, 0, 40, true, Rng(4));
  ASSERT_TRUE(hub->log().AppendFlush().ok());
  TrainerOptions options = InstantOptionsOf();
  options.instant_width = 0;
  {
    auto trainer = hub->OpenTrainer(options);
    TrainAll(*trainer, hub->log());
    ASSERT_TRUE(trainer->Checkpoint().ok());
  }
  options.instant_width = 48;
  auto trainer = hub->OpenTrainer(options);
  FeedMixed(*hub, 40, 80, true, Rng(4));
  ASSERT_TRUE(hub->log().Forget("bad", false).ok());
  ASSERT_TRUE(hub->log().AppendFlush().ok());
  TrainAll(*trainer, hub->log());
  ASSERT_TRUE(trainer->Checkpoint().ok());
  InstantOptions instant;
  instant.spec.width = 48;
  instant.spec.seed = options.instant_seed;
  const auto learner = InstantLearner::Load(*Saved(*hub).instant, instant, options.spec);
  ASSERT_TRUE(learner.ok()) << learner.status().ToString();
  EXPECT_EQ((*learner)->samples(), 40);
}

}  // namespace
}  // namespace perennial::trainer
