// Limits on what one source may have of a batch: nothing lost, no order lost, the same after a resume; and that a
// poisoned source cannot take over.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "storage/base/rng.h"
#include "tests/trainer/training_data.h"
#include "trainer/batch_assembler.h"

namespace perennial::trainer {
namespace {

using testing_support::Hub;
using testing_support::MakeSample;
using testing_support::NothingHeldOut;
using testing_support::SmallOptions;
using testing_support::TrainAll;

// The loud source sends `loud` of the samples, five others the rest.
void FeedSources(Hub& hub, uint64_t begin, uint64_t end, double loud, uint64_t seed) {
  Rng rng(seed);
  std::vector<format::Sample> samples;
  for (uint64_t i = begin; i < end; ++i) {
    samples.push_back(MakeSample(i, "base"));
    samples.back().source = rng.Chance(loud) ? "loud" : "source " + std::to_string(rng.Below(5));
  }
  ASSERT_TRUE(hub.log().Append(samples).ok());
}

TEST(SourceLimit, IsAtLeastOneSampleAndNoneWithoutAShare) {
  EXPECT_EQ(SourceLimit::Of(0, 10).per_batch, 0u);
  EXPECT_EQ(SourceLimit::Of(1, 10).per_batch, 0u);
  EXPECT_EQ(SourceLimit::Of(0.3, 10).per_batch, 3u);
  EXPECT_EQ(SourceLimit::Of(0.05, 10).per_batch, 1u);
}

TEST(SourceLimit, NoBatchHasMoreOfASourceAndNothingIsLost) {
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    auto hub = Hub::InMemory(NothingHeldOut());
    constexpr uint64_t kSamples = 300;
    FeedSources(*hub, 0, kSamples, seed % 2 == 0 ? 0.8 : 0.3, seed);
    ASSERT_TRUE(hub->log().AppendFlush().ok());
    Prefetcher::Options prefetch;
    prefetch.spec = testing_support::TinySpec();
    Prefetcher prefetcher(hub->log(), Offset{0}, prefetch);
    constexpr size_t kSize = 6;
    SourceLimit limit = SourceLimit::Of(0.34, kSize);
    limit.most_waiting = 5 * seed;
    BatchAssembler assembler(prefetcher, kSize, {}, limit);
    std::set<Offset> trained;
    std::map<std::string, Offset> last;
    while (assembler.Fill(testing_support::Soon()).value() == BatchAssembler::State::kReady) {
      std::map<std::string, size_t> of_source;
      EXPECT_LE(assembler.samples().size(), kSize);
      EXPECT_LE(assembler.held_back().size(), limit.most_waiting + 1);
      const double fullness = assembler.fullness();
      EXPECT_GT(fullness, 0);
      EXPECT_LE(fullness, 1);
      for (const Prepared& sample : assembler.samples()) {
        EXPECT_LE(++of_source[sample.example.source], 2u);
        EXPECT_TRUE(trained.insert(sample.offset).second);
        const auto [at, first] = last.try_emplace(sample.example.source, sample.offset);
        if (!first) {
          EXPECT_LT(at->second, sample.offset) << "a source's own order stays";
          at->second = sample.offset;
        }
      }
      const bool ended = assembler.ended_by_flush();
      (void)assembler.Commit();
      EXPECT_LE(assembler.cursor(), assembler.position().next);
      if (ended) break;
    }
    EXPECT_EQ(trained.size(), kSamples) << "seed " << seed;
    EXPECT_TRUE(assembler.held_back().empty());
    EXPECT_EQ(assembler.cursor(), hub->log().End());
  }
}

TrainerOptions Limited(double share) {
  TrainerOptions options = SmallOptions();
  options.source_batch_share = share;
  options.replay.source_share = share;
  return options;
}

TEST(SourceLimit, ASourceAloneIsLearnedInSmallBatches) {
  auto hub = Hub::InMemory(NothingHeldOut());
  hub->Feed(0, 40, "base");
  ASSERT_TRUE(hub->log().AppendFlush().ok());
  TrainerOptions options = Limited(0.5);
  std::vector<size_t> sizes;
  options.on_step = [&](uint64_t, const std::vector<Offset>& fresh) { sizes.push_back(fresh.size()); };
  auto trainer = hub->OpenTrainer(options);
  TrainAll(*trainer, hub->log());
  EXPECT_EQ(sizes, std::vector<size_t>(20, 2));
  EXPECT_EQ(trainer->GetStatus().samples_trained, 40u);
  EXPECT_EQ(trainer->GetStatus().replay_size, 10u) << "half of the memory";
}

TEST(SourceLimit, IsOffAtNoneAndAtAll) {
  auto hub = Hub::InMemory(NothingHeldOut());
  FeedSources(*hub, 0, 60, 0.7, 3);
  ASSERT_TRUE(hub->log().AppendFlush().ok());
  const auto end = [&](double share, const std::string& name) {
    TrainerOptions options = Limited(share);
    options.name = name;
    auto trainer = hub->OpenTrainer(options);
    TrainAll(*trainer, hub->log());
    return trainer->Fingerprint();
  };
  EXPECT_EQ(end(0, "none"), end(1, "all"));
  EXPECT_NE(end(0, "again"), end(0.25, "quarter"));
}

TEST(SourceLimit, ResumesBitIdenticallyWhileSamplesWait) {
  auto hub = Hub::InMemory();
  FeedSources(*hub, 0, 260, 0.8, 4);
  ASSERT_TRUE(hub->log().AppendFlush().ok());
  FeedSources(*hub, 260, 330, 0.5, 5);
  ASSERT_TRUE(hub->log().AppendFlush().ok());
  TrainerOptions options = Limited(0.25);
  options.name = "whole";
  auto whole = hub->OpenTrainer(options);
  TrainAll(*whole, hub->log());
  const uint64_t samples = whole->GetStatus().samples_trained;
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    Rng rng(seed);
    options.name = "broken-" + std::to_string(seed);
    std::map<uint64_t, std::vector<Offset>> trained;
    options.on_step = [&](uint64_t step, const std::vector<Offset>& fresh) {
      const auto [at, added] = trained.try_emplace(step, fresh);
      if (!added) {
        EXPECT_EQ(at->second, fresh) << "step " << step;
      }
    };
    Hash256 got;
    uint64_t waited = 0;
    for (int run = 0; run < 400; ++run) {
      auto trainer = hub->OpenTrainer(options);
      TrainAll(*trainer, hub->log(), 1 + rng.Below(25));
      waited = std::max(waited, trainer->GetStatus().waiting);
      got = trainer->Fingerprint();
      if (trainer->GetStatus().cursor == hub->log().End()) break;
    }
    EXPECT_EQ(got, whole->Fingerprint()) << "seed " << seed;
    EXPECT_GT(waited, 100u) << "else this tests nothing";
    std::set<Offset> once;
    for (const auto& [step, offsets] : trained) {
      for (const Offset offset : offsets) EXPECT_TRUE(once.insert(offset).second) << offset.ToString();
    }
    EXPECT_EQ(once.size(), samples);
  }
}

// Half of the stream is of one source, whose labels are all wrong in the same way.
TEST(SourceLimit, APoisonedSourceCannotTakeOver) {
  const auto accuracy = [](double share) {
    auto hub = Hub::InMemory(NothingHeldOut());
    const std::map<std::string, std::string> wrong = {{"red", "green"}, {"green", "blue"}, {"blue", "red"}};
    Rng rng(5);
    std::vector<format::Sample> samples;
    for (uint64_t i = 0; i < 1500; ++i) {
      samples.push_back(MakeSample(i, "base"));
      format::Sample& sample = samples.back();
      sample.source = "source " + std::to_string(rng.Below(5));
      if (i < 200) {
        sample.part = format::Part::kTest;
      } else if (rng.Chance(0.5)) {
        sample.source = "poison";
        sample.label = wrong.at(*sample.label);
      }
    }
    EXPECT_TRUE(hub->log().Append(samples).ok());
    EXPECT_TRUE(hub->log().AppendFlush().ok());
    TrainerOptions options = Limited(share);
    options.new_per_step = 10;
    options.replay_per_step = 30;
    options.replay.policy = replay::ReplayOptions::Policy::kReservoir;
    options.replay.capacity = 200;
    auto trainer = hub->OpenTrainer(options);
    TrainAll(*trainer, hub->log());
    const auto candidate = trainer->MakeCandidate(nullptr, 1, 0);
    EXPECT_TRUE(candidate.ok()) << candidate.status().ToString();
    return candidate.ok() ? candidate->report.average_accuracy : 0.0;
  };
  const double without = accuracy(0), with = accuracy(0.2);
  EXPECT_GT(with, without + 0.1) << without << " without";
}

}  // namespace
}  // namespace perennial::trainer
