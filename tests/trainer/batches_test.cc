#include <gtest/gtest.h>

#include "tests/trainer/training_data.h"
#include "trainer/batch_assembler.h"
#include "trainer/batch_builder.h"
#include "trainer/prefetcher.h"

namespace perennial::trainer {
namespace {

using testing_support::Hub;
using testing_support::MakeSample;
using testing_support::NothingHeldOut;
using testing_support::Soon;
using testing_support::TinySpec;

Prefetcher::Options PrefetchOptions(int threads) {
  Prefetcher::Options options;
  options.spec = TinySpec();
  options.threads = threads;
  options.capacity = 32;
  return options;
}

std::vector<Prepared> Collect(Prefetcher& prefetcher, size_t count) {
  std::vector<Prepared> samples;
  while (samples.size() < count) {
    auto item = prefetcher.Next(Soon());
    if (!item.ok() || !*item) {
      ADD_FAILURE() << "nothing came";
      return samples;
    }
    if ((*item)->kind == Prepared::Kind::kSample) samples.push_back(std::move(**item));
  }
  return samples;
}

TEST(Prefetcher, HandsOutSamplesInLogOrderFromManyThreads) {
  auto hub = Hub::InMemory(NothingHeldOut());
  hub->Feed(0, 300, "base");
  Prefetcher prefetcher(hub->log(), Offset{0}, PrefetchOptions(4));
  const auto samples = Collect(prefetcher, 300);
  for (size_t i = 0; i < samples.size(); ++i) {
    EXPECT_EQ(samples[i].offset, Offset{i});
    EXPECT_EQ(samples[i].example.pixels->width, 8);
  }
}

TEST(Prefetcher, ReturnsOnDeadlineAndFindsWhatComesLater) {
  auto hub = Hub::InMemory(NothingHeldOut());
  Prefetcher prefetcher(hub->log(), Offset{0}, PrefetchOptions(1));
  const auto nothing = prefetcher.Next(SystemClock().In(std::chrono::milliseconds(10)));
  ASSERT_TRUE(nothing.ok());
  EXPECT_FALSE(nothing->has_value());
  hub->Feed(0, 1, "base");
  EXPECT_EQ(Collect(prefetcher, 1).size(), 1u);
}

TEST(Prefetcher, EndsAtOnceWhileItsQueueIsFull) {
  auto hub = Hub::InMemory(NothingHeldOut());
  hub->Feed(0, 300, "base");
  Prefetcher prefetcher(hub->log(), Offset{0}, PrefetchOptions(2));
  EXPECT_EQ(Collect(prefetcher, 1).size(), 1u);
}

TEST(BatchAssembler, KeepsWhatCameAndItsCursorWhileItWaits) {
  auto hub = Hub::InMemory(NothingHeldOut());
  hub->Feed(0, 3, "base");
  Prefetcher prefetcher(hub->log(), Offset{0}, PrefetchOptions(1));
  BatchAssembler assembler(prefetcher, 4, {});
  ASSERT_EQ(assembler.Fill(SystemClock().In(std::chrono::milliseconds(20))).value(), BatchAssembler::State::kWaiting);
  EXPECT_EQ(assembler.cursor(), Offset{0});
  hub->Feed(3, 4, "base");
  ASSERT_EQ(assembler.Fill(Soon()).value(), BatchAssembler::State::kReady);
  EXPECT_EQ(assembler.samples().size(), 4u);
  EXPECT_EQ(assembler.cursor(), Offset{0});
  EXPECT_EQ(assembler.Commit().size(), 4u);
  EXPECT_EQ(assembler.cursor(), Offset{4});
}

TEST(BatchAssembler, MovesItsCursorPastEntriesThatAreNotTrainedOn) {
  auto hub = Hub::InMemory(NothingHeldOut());
  std::vector<format::Sample> tests;
  for (uint64_t i = 0; i < 20; ++i) {
    tests.push_back(MakeSample(i, "base"));
    tests.back().part = format::Part::kTest;
  }
  ASSERT_TRUE(hub->log().Append(tests).ok());
  ASSERT_TRUE(hub->log().AppendFlush().ok());
  Prefetcher prefetcher(hub->log(), Offset{0}, PrefetchOptions(1));
  BatchAssembler assembler(prefetcher, 4, {});
  EXPECT_EQ(assembler.Fill(Soon()).value(), BatchAssembler::State::kFlushed);
  EXPECT_EQ(assembler.cursor(), hub->log().End());
}

class BatchBuilderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    hub_ = Hub::InMemory(NothingHeldOut());
    hub_->Feed(0, 12, "base");
    Prefetcher prefetcher(hub_->log(), Offset{0}, PrefetchOptions(1));
    fresh_ = Collect(prefetcher, 12);
    for (const Prepared& sample : fresh_) labels_.Add(sample.example.label);
  }
  StepBatch Build(const format::ModelSpec& spec, const AugmentOptions& augment, uint64_t step) {
    return BatchBuilder(spec, augment, 1).Build(fresh_, {}, labels_, step).value();
  }
  std::unique_ptr<Hub> hub_;
  std::vector<Prepared> fresh_;
  LabelSet labels_;
};

TEST_F(BatchBuilderTest, ModalityDropoutHidesOneOfTwoAndDependsOnTheStep) {
  format::ModelSpec spec = TinySpec();
  spec.modality_dropout = 0.9;
  const StepBatch batch = Build(spec, {}, 1);
  const torch::Tensor neither = batch.input.has_image.logical_or(batch.input.has_text).logical_not();
  EXPECT_EQ(neither.sum().item<int64_t>(), 0);
  EXPECT_GT(batch.input.has_image.logical_not().sum().item<int64_t>(), 0);
  EXPECT_GT(batch.input.has_text.logical_not().sum().item<int64_t>(), 0);
  EXPECT_TRUE(torch::equal(batch.input.has_image, Build(spec, {}, 1).input.has_image));
  EXPECT_FALSE(torch::equal(batch.input.has_image, Build(spec, {}, 2).input.has_image) &&
               torch::equal(batch.input.has_text, Build(spec, {}, 2).input.has_text));
}

TEST_F(BatchBuilderTest, ABatchThatIsSteppedOnAgainIsAugmentedAnew) {
  format::ModelSpec spec = TinySpec();
  spec.modality_dropout = 0;
  AugmentOptions augment;
  augment.noise = 0.2;
  const BatchBuilder builder(spec, augment, 1);
  const auto images = [&](uint64_t step, bool again) {
    return builder.Build(fresh_, {}, labels_, step, again).value().input.images;
  };
  EXPECT_TRUE(torch::equal(images(1, false), images(2, false))) << "as the prefetcher made them";
  EXPECT_FALSE(torch::equal(images(2, true), images(2, false)));
  EXPECT_FALSE(torch::equal(images(2, true), images(3, true)));
  EXPECT_TRUE(torch::equal(images(3, true), images(3, true)));
}

TEST_F(BatchBuilderTest, PicturesWithATextAreNotMirrored) {
  format::ModelSpec spec = TinySpec();
  spec.modality_dropout = 0;
  AugmentOptions augment;
  augment.shift = 0;
  augment.mirror = 1;
  const BatchBuilder builder(spec, augment, 1);
  const auto images = [&] { return builder.Build(fresh_, {}, labels_, 1, true).value().input.images; };
  const torch::Tensor before = images();
  fresh_[3].example.text.clear();
  const torch::Tensor after = images();
  EXPECT_FALSE(torch::equal(after[3], before[3]));
  EXPECT_TRUE(torch::equal(after[3], before[3].flip({2})));
  EXPECT_TRUE(torch::equal(after[4], before[4]));
}

TEST_F(BatchBuilderTest, CutMixLeavesQuestionsAlone) {
  format::ModelSpec spec = TinySpec();
  spec.modality_dropout = 0;
  AugmentOptions augment;
  augment.cutmix = 1;
  EXPECT_FALSE(Build(spec, augment, 1).mixed_targets.defined());
  for (size_t i = 0; i < 8; ++i) fresh_[i].example.text.clear();
  const StepBatch batch = Build(spec, augment, 1);
  ASSERT_TRUE(batch.mixed_targets.defined());
  const torch::Tensor share = batch.own_share;
  EXPECT_TRUE(share.narrow(0, 8, 4).eq(1).all().item<bool>());
  EXPECT_TRUE(share.ge(0).all().item<bool>() && share.le(1).all().item<bool>());
  EXPECT_LT(share.min().item<float>(), 1.0f);
}

TEST_F(BatchBuilderTest, ALabelWithoutAnOutputIsAnError) {
  labels_ = LabelSet({"something else"});
  const BatchBuilder builder(TinySpec(), {}, 1);
  EXPECT_EQ(builder.Build(fresh_, {}, labels_, 0).status().code(), Code::kInternal);
}

}  // namespace
}  // namespace perennial::trainer
