#include <gtest/gtest.h>

#include "storage/media/image.h"
#include "tests/trainer/training_data.h"
#include "trainer/evaluator.h"

namespace perennial::trainer {
namespace {

using testing_support::Hub;
using testing_support::MakeSample;
using testing_support::SmallOptions;
using testing_support::TinySpec;
using testing_support::TrainAll;

// A sample whose picture is as wide as told.
format::Sample WideSample(uint64_t number, int width, format::Part part) {
  format::Sample sample = MakeSample(number, "base");
  media::Image image{width, 2, std::vector<uint8_t>(static_cast<size_t>(width) * 2 * 3, 90)};
  image.pixels[0] = static_cast<uint8_t>(number);
  sample.image = media::EncodePng(image).value();
  sample.part = part;
  return sample;
}

// Of `count` samples and as many of the test part, every second picture is wide.
void FeedMixed(Hub& hub, uint64_t count, int width) {
  std::vector<format::Sample> batch;
  for (uint64_t i = 0; i < 2 * count; ++i) {
    const format::Part part = i < count ? format::Part::kTrain : format::Part::kTest;
    batch.push_back(i % 2 == 0 ? WideSample(i, width, part) : MakeSample(i, "base"));
    batch.back().part = part;
  }
  for (const auto& outcome : hub.log().Append(batch).value()) {
    ASSERT_EQ(outcome.state, samples::AppendOutcome::State::kAccepted) << outcome.error.ToString();
  }
  ASSERT_TRUE(hub.log().AppendFlush().ok());
}

TEST(ImageLimits, WhatTheLogTakesIsTrainedOnRememberedAndEvaluated) {
  samples::SampleLogOptions log_options = testing_support::NothingHeldOut();
  log_options.image_limits.max_side = 9000;
  auto hub = Hub::InMemory(log_options);
  FeedMixed(*hub, 12, 8500);  // over the default
  TrainerOptions options = SmallOptions();
  options.image_limits = log_options.image_limits;
  {
    auto trainer = hub->OpenTrainer(options);
    TrainAll(*trainer, hub->log());
    EXPECT_EQ(trainer->GetStatus().samples_trained, 12u);
    const auto candidate = trainer->MakeCandidate(nullptr, 1, 0);
    ASSERT_TRUE(candidate.ok()) << candidate.status().ToString();
    EXPECT_EQ(candidate->report.slices.at(0).samples, 12u);
    ASSERT_TRUE(trainer->Checkpoint().ok());
  }
  EXPECT_EQ(hub->OpenTrainer(options)->GetStatus().replay_size, 12u);
}

TEST(ImageLimits, ACandidateIsMadeWithoutTheHeldOutPicturesThatAreOverThem) {
  auto hub = Hub::InMemory(testing_support::NothingHeldOut());
  FeedMixed(*hub, 12, 64);
  TrainerOptions options = SmallOptions();
  options.image_limits.max_side = 32;  // narrower than they were accepted by
  auto trainer = hub->OpenTrainer(options);
  TrainAll(*trainer, hub->log());
  EXPECT_EQ(trainer->GetStatus().samples_trained, 6u);
  const auto candidate = trainer->MakeCandidate(nullptr, 1, 0);
  ASSERT_TRUE(candidate.ok()) << candidate.status().ToString();
  EXPECT_EQ(candidate->report.slices.at(0).samples, 6u);
  EXPECT_EQ(candidate->report.slices.at(0).gate_samples, 6u);
}

TEST(ImageLimits, TheEvaluatorCountsWhatItLeavesOutOnce) {
  auto hub = Hub::InMemory(testing_support::NothingHeldOut());
  FeedMixed(*hub, 12, 64);
  Evaluator::Options options;
  options.image_limits.max_side = 32;
  options.batch = 5;
  Evaluator evaluator(hub->log(), options);
  const auto model = model::BuildModel(TinySpec(), 3, 5).value();
  model->eval();
  const auto offsets = evaluator.ReportOffsets("base", 0).value();
  ASSERT_EQ(offsets.size(), 12u);
  Evaluator::Predictions predictions;
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(evaluator.Predict(*model, offsets, Evaluator::Hide::kNothing, predictions).ok());
    EXPECT_EQ(predictions.size(), 6u);
    EXPECT_EQ(evaluator.left_out(), 6u);
  }
  const auto score = evaluator.ScoreOf(offsets, predictions, {"red", "green", "blue"});
  ASSERT_TRUE(score.ok()) << score.status().ToString();
  EXPECT_EQ(score->counts.samples, 6u);
}

}  // namespace
}  // namespace perennial::trainer
