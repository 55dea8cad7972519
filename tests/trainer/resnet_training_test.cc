// A network with running statistics through the whole trainer: they are observed, averaged, saved and never learned.
#include <gtest/gtest.h>

#include <limits>

#include "serving/model/batch_norm.h"
#include "serving/model/quantise.h"
#include "tests/trainer/training_data.h"
#include "trainer/learner.h"

namespace perennial::trainer {
namespace {

using testing_support::Hub;
using testing_support::TrainAll;

TrainerOptions ResnetOptions() {
  TrainerOptions options = testing_support::SmallOptions();
  format::ModelSpec spec = *format::ModelSpec::Preset("resnet18");
  spec.vision_channels = 2;
  spec.vision_blocks = 1;
  spec.width = 16;
  spec.image_size = 16;
  options.UseRecipeOf(spec);
  options.strategy = "default";
  return options;
}

StepBatch RandomBatch(int64_t rows, int64_t labels, uint64_t seed) {
  torch::manual_seed(seed);
  StepBatch batch;
  batch.input.images = torch::rand({rows, 3, 16, 16}) * 2 - 1;
  batch.input.has_image = torch::ones({rows}, torch::kBool);
  batch.input.tokens = torch::zeros({rows, 1}, torch::kLong);
  batch.input.has_text = torch::zeros({rows}, torch::kBool);
  batch.targets = torch::randint(labels, {rows}, torch::kLong);
  batch.fresh = rows;
  return batch;
}

TEST(ResnetTraining, IsBitEqualAfterAResume) {
  auto hub = Hub::InMemory();
  hub->Feed(0, 60, "base");
  ASSERT_TRUE(hub->log().AppendFlush().ok());
  TrainerOptions options = ResnetOptions();
  options.name = "whole";
  auto whole = hub->OpenTrainer(options);
  TrainAll(*whole, hub->log());
  options.name = "broken";
  for (int part = 0; part < 20; ++part) {
    auto trainer = hub->OpenTrainer(options);
    TrainAll(*trainer, hub->log(), 4);
    if (trainer->GetStatus().cursor != hub->log().End()) continue;
    EXPECT_EQ(trainer->Fingerprint(), whole->Fingerprint());
    return;
  }
  ADD_FAILURE() << "no end";
}

TEST(ResnetTraining, MakesACandidateThatCarriesTheStatistics) {
  auto hub = Hub::InMemory();
  hub->Feed(0, 200, "base");
  ASSERT_TRUE(hub->log().AppendFlush().ok());
  auto trainer = hub->OpenTrainer(ResnetOptions());
  TrainAll(*trainer, hub->log());
  const auto candidate = trainer->MakeCandidate(nullptr, 1, 0);
  ASSERT_TRUE(candidate.ok()) << candidate.status().ToString();
  bool moved = false;
  size_t statistics = 0;
  for (const format::TensorRecord& tensor : candidate->image.tensors) {
    if (!model::IsStatistic(tensor.name)) continue;
    ++statistics;
    for (const float value : tensor.values) moved = moved || (value != 0.0F && value != 1.0F);
  }
  EXPECT_EQ(statistics, 24u);
  EXPECT_TRUE(moved);
  const auto served = model::Instantiate(candidate->image, torch::kCPU);
  ASSERT_TRUE(served.ok()) << served.status().ToString();
}

// With weight decay and momentum on: neither may touch what is only observed.
TEST(ResnetTraining, StatisticsAreTheStudentsBatchesAndTheAverageFollows) {
  for (const std::string optimiser : {"sgd", "adamw"}) {
    TrainerOptions options = ResnetOptions();
    options.optimiser = optimiser;
    options.learning_rate = 1e-3;
    options.weight_decay = 0.5;
    options.ema_decay = 0.5;
    auto learner = *Learner::Build(options, 3);
    auto strategy = *MakeStrategy("naive");
    const StepBatch batch = RandomBatch(8, 3, 1);
    const auto average_before = learner->average().named_parameters()["norm.running_mean"].clone();
    auto twin = *Learner::Build(options, 3);
    twin->student().Forward(batch.input);
    ASSERT_TRUE(learner->Step(*strategy, batch, 100).applied);
    const auto mean = learner->student().named_parameters()["norm.running_mean"];
    EXPECT_TRUE(torch::equal(mean, twin->student().named_parameters()["norm.running_mean"])) << optimiser;
    EXPECT_GT(mean.abs().max().item<double>(), 0.0);
    const auto average = learner->average().named_parameters()["norm.running_mean"];
    EXPECT_TRUE(torch::allclose(average, (average_before + mean) / 2)) << optimiser;
  }
}

TEST(ResnetTraining, AStepThatIsNotFiniteLeavesTheStatisticsToo) {
  auto learner = *Learner::Build(ResnetOptions(), 3);
  auto strategy = *MakeStrategy("naive");
  ASSERT_TRUE(learner->Step(*strategy, RandomBatch(8, 3, 1), 0).applied);
  const LearnerState before = learner->State();
  StepBatch bad = RandomBatch(8, 3, 2);
  bad.input.images[3].fill_(std::numeric_limits<float>::infinity());
  EXPECT_FALSE(learner->Step(*strategy, bad, 1).applied);
  const LearnerState after = learner->State();
  EXPECT_TRUE(torch::equal(before.weights, after.weights));
  EXPECT_TRUE(torch::equal(before.average, after.average));
  EXPECT_TRUE(torch::equal(before.moment1, after.moment1));
}

TEST(ResnetTraining, GrowthCarriesTheStatistics) {
  auto learner = *Learner::Build(ResnetOptions(), 3);
  auto strategy = *MakeStrategy("naive");
  ASSERT_TRUE(learner->Step(*strategy, RandomBatch(8, 3, 1), 0).applied);
  const auto before = learner->student().named_parameters()["norm.running_var"].clone();
  learner->Grow(5);
  EXPECT_TRUE(torch::equal(learner->student().named_parameters()["norm.running_var"], before));
  EXPECT_TRUE(learner->Step(*strategy, RandomBatch(8, 5, 3), 1).applied);
}

TEST(FlatLayout, KeepsStatisticsBehindWhatIsLearned) {
  auto model = *model::BuildModel(ResnetOptions().spec, 3, 1);
  const FlatLayout layout = FlatLayout::Of(*model);
  ASSERT_LT(layout.learned, layout.total);
  for (const FlatLayout::Segment& segment : layout.segments) {
    EXPECT_EQ(model::IsStatistic(segment.name), segment.offset >= layout.learned) << segment.name;
    EXPECT_EQ(layout.Find(segment.name), &segment);
  }
  EXPECT_EQ(layout.Find("nothing"), nullptr);
  const auto back = FlatLayout::Decode(layout.Encode());
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, layout);
}

}  // namespace
}  // namespace perennial::trainer
