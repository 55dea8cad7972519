// Strategies that keep a snapshot, records beside the weights, or look further up: ewc, lwf, max.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

#include "storage/base/rng.h"
#include "tests/trainer/linear_model.h"
#include "tests/trainer/training_data.h"
#include "trainer/learner.h"
#include "trainer/loss.h"
#include "trainer/perturbation.h"
#include "trainer/wrapped_strategy.h"

namespace perennial::trainer {
namespace {

using testing_support::Hub;
using testing_support::LinearModel;
using testing_support::NothingHeldOut;
using testing_support::SmallOptions;
using testing_support::TrainAll;

StepBatch Batch(const std::vector<int64_t>& targets, int64_t fresh, uint64_t number = 0) {
  StepBatch batch;
  batch.targets = torch::tensor(targets, torch::kLong);
  batch.fresh = fresh;
  batch.number = number;
  const auto rows = static_cast<int64_t>(targets.size());
  batch.input.tokens = torch::arange(rows * 5).view({rows, 5}) % 7;
  return batch;
}

TEST(Ewc, PullsWeightsBackByTheirImportanceAndNoMoreThanItMay) {
  const auto strategy = *MakeStrategy("ewc");
  ASSERT_EQ(strategy->WeightRecords(), 2u);
  const torch::Tensor weights = torch::tensor({1.0F, 1.0F, 1.0F}), snapshot = torch::tensor({0.0F, 0.0F, 1.0F});
  torch::Tensor gradient = torch::tensor({0.5F, -0.5F, 0.1F});
  const std::vector<torch::Tensor> records = {torch::tensor({1e-3F, 1e3F, 1e3F}), torch::zeros({3})};
  strategy->AdjustGradient({weights, snapshot, gradient, records, 10});
  EXPECT_NEAR(gradient[0].item<double>(), 0.5 + 1 / 1.5, 1e-5) << "l F = 1, damped by 1 + 1 / 2";
  EXPECT_NEAR(gradient[1].item<double>(), -0.5 + 2, 1e-4) << "the strongest";
  EXPECT_NEAR(gradient[2].item<double>(), 0.1, 1e-6) << "it is where it was";
  EXPECT_NEAR(records[1][0].item<double>(), 0.01 * 10 * 0.25, 1e-6) << "a hundredth of B g^2, without the pull";
  strategy->BeforeSnapshot(records);
  EXPECT_NEAR(records[0][0].item<double>(), 0.9e-3 + 0.025, 1e-6);
}

TEST(Ewc, AGradientThatIsNotFiniteLeavesTheRecordsFinite) {
  const auto strategy = *MakeStrategy("ewc");
  const torch::Tensor zeros = torch::zeros({2});
  torch::Tensor gradient = torch::tensor({std::numeric_limits<float>::infinity(), std::nanf("")});
  const std::vector<torch::Tensor> records = {torch::zeros({2}), torch::ones({2})};
  strategy->AdjustGradient({zeros, zeros, gradient, records, 4});
  EXPECT_TRUE(torch::isfinite(records[1]).all().item<bool>());
}

TEST(Lwf, DistilsOverTheClassesThatTheSnapshotKnew) {
  LinearModel student(5, 4, 1), snapshot(5, 4, 2);
  const StepContext context{0, student, student, snapshot};
  const auto strategy = *MakeStrategy("lwf");
  const auto prepared = [&](StepBatch batch) {
    strategy->Prepare(0, 4, batch);
    return batch;
  };
  for (uint64_t number = 0; number < 150; ++number) {
    const StepBatch early = prepared(Batch({0, 1}, 2, number));
    EXPECT_FALSE(early.take_snapshot);
    EXPECT_EQ(early.form, 0);
  }
  const StepBatch changed = prepared(Batch({2, 3, 2}, 3, 150));
  EXPECT_TRUE(changed.take_snapshot) << "before a step on the new classes";
  ASSERT_EQ(changed.form, 2);
  const torch::Tensor logits = student.Forward(changed.input).logits, old = snapshot.Forward(changed.input).logits;
  const torch::Tensor by_hand = torch::nll_loss(torch::log_softmax(logits, 1), changed.targets) +
                                DistillationLoss(logits.narrow(1, 0, 2), old.narrow(1, 0, 2), 2);
  EXPECT_NEAR(strategy->Loss(context, changed).item<double>(), by_hand.item<double>(), 1e-5);
  EXPECT_FALSE(prepared(Batch({2, 3, 2}, 3, 150)).take_snapshot) << "the next step on the same batch";
  const auto resumed = *MakeStrategy("lwf");
  ASSERT_TRUE(resumed->Load(strategy->Save()).ok());
  EXPECT_EQ(resumed->Save(), strategy->Save());
  EXPECT_FALSE(resumed->Load("\x05").ok());
}

TEST(Perturbation, StandsAlongTheGradientAndGoesBackToTheBit) {
  LinearModel model(5, 3, 1);
  FlatParameters weights(model, true);
  const StepBatch batch = Batch({0, 1, 2}, 3);
  ClassificationLoss(model.Forward(batch.input).logits, AllRows(batch)).backward();
  const torch::Tensor before = weights.values().clone(), gradient = weights.gradients().clone();
  const double loss = ClassificationLoss(model.Forward(batch.input).logits, AllRows(batch)).item<double>();
  try {
    const Perturbation further_up(weights, 0.05);
    EXPECT_NEAR((weights.values() - before).norm().item<double>(), 0.05, 1e-5);
    EXPECT_NEAR(((weights.values() - before) * gradient).sum().item<double>(), 0.05 * gradient.norm().item<double>(),
                1e-4);
    EXPECT_GT(ClassificationLoss(model.Forward(batch.input).logits, AllRows(batch)).item<double>(), loss);
    throw std::runtime_error("out of memory");
  } catch (const std::runtime_error&) {
  }
  EXPECT_TRUE(torch::equal(weights.values(), before));
  weights.ZeroGradients();
  const Perturbation nowhere(weights, 0.05);
  EXPECT_TRUE(torch::equal(weights.values(), before)) << "no gradient, no way up";
}

TrainerOptions Mlp() {
  TrainerOptions options = SmallOptions();
  format::ModelSpec spec = *format::ModelSpec::Preset("mlp");
  options.UseRecipeOf(spec);
  return options;
}

StepBatch Pictures(const TrainerOptions& options, int64_t labels, uint64_t seed) {
  torch::manual_seed(seed);
  StepBatch batch;
  const int64_t side = options.spec.image_size;
  batch.input.images = torch::rand({6, 3, side, side}) * 2 - 1;
  batch.input.has_image = torch::ones({6}, torch::kBool);
  batch.input.tokens = torch::zeros({6, 1}, torch::kLong);
  batch.input.has_text = torch::zeros({6}, torch::kBool);
  batch.targets = torch::randint(labels, {6}, torch::kLong);
  batch.fresh = 6;
  batch.number = seed;
  return batch;
}

// Plain cross-entropy with a radius.
class Flat final : public Strategy {
 public:
  explicit Flat(double radius) : radius_(radius) {}
  std::string_view name() const override { return "flat"; }
  double PerturbationRadius() const override { return radius_; }
  torch::Tensor Loss(const StepContext& context, const StepBatch& batch) override {
    return ClassificationLoss(context.student.Forward(batch.input).logits, AllRows(batch));
  }

 private:
  const double radius_;
};

TEST(Learner, AStepFurtherUpIsThatOfTheGradientThere) {
  const TrainerOptions options = Mlp();
  const StepBatch batch = Pictures(options, 3, 1);
  Flat plain(0), flat(0.1);
  // By hand: move up along the gradient, take the gradient there.
  auto twin = *model::BuildModel(options.spec, 3, options.seed);
  FlatParameters weights(*twin, true);
  const auto loss = [&] { return ClassificationLoss(twin->Forward(batch.input).logits, AllRows(batch)); };
  loss().backward();
  const torch::Tensor before = weights.values().clone();
  {
    const torch::NoGradGuard no_grad;
    weights.values().add_(weights.gradients() * (0.1 / weights.gradients().norm().item<double>()));
  }
  weights.ZeroGradients();
  loss().backward();
  const torch::Tensor expected = before - options.learning_rate * weights.gradients();
  for (const std::string step : {"host", "device"}) {
    TrainerOptions how = options;
    how.step = step;
    auto learner = *Learner::Build(how, 3, &flat);
    ASSERT_TRUE(learner->Step(flat, batch, 0).applied);
    EXPECT_TRUE(torch::allclose(learner->State().weights, expected, 1e-4, 1e-6)) << step;
    auto other = *Learner::Build(how, 3, &plain);
    ASSERT_TRUE(other->Step(plain, batch, 0).applied);
    EXPECT_FALSE(torch::allclose(other->State().weights, expected, 1e-4, 1e-6)) << step;
  }
}

TEST(Learner, TheSnapshotStandsStillBetweenSnapshotsAndRecordsGrowWithTheHead) {
  for (const std::string name : {"ewc", "lwf"}) {
    TrainerOptions options = Mlp();
    auto strategy = *MakeStrategy(name);
    auto learner = *Learner::Build(options, 3, strategy.get());
    const torch::Tensor start = learner->State().teacher;
    for (uint64_t step = 0; step < 5; ++step) (void)learner->Step(*strategy, Pictures(options, 3, step), step);
    EXPECT_TRUE(torch::equal(learner->State().teacher, start)) << name;
    const torch::Tensor before = learner->State().weights;
    (void)learner->Step(*strategy, Pictures(options, 3, 1000), 5);
    EXPECT_TRUE(torch::equal(learner->State().teacher, before)) << name << ": as it was before the step";
    learner->Grow(5);
    const LearnerState grown = learner->State();
    EXPECT_EQ(grown.records.size(), strategy->WeightRecords());
    for (const torch::Tensor& record : grown.records) {
      EXPECT_EQ(record.numel(), grown.layout.total);
      EXPECT_GT(record.sum().item<double>(), 0) << "what was there stays";
    }
    EXPECT_TRUE(learner->Step(*strategy, Pictures(options, 5, 1001), 6).applied);
  }
}

TEST(Learner, OfAnotherStrategyIsRefused) {
  const TrainerOptions options = Mlp();
  auto strategy = *MakeStrategy("ewc");
  auto learner = *Learner::Build(options, 3);
  EXPECT_THROW((void)learner->Step(*strategy, Pictures(options, 3, 1), 0), c10::Error);
}

// Of a hundred batches and a change of classes, so that snapshots are taken.
TEST(Resume, IsBitIdenticalOverSnapshots) {
  auto hub = Hub::InMemory(NothingHeldOut());
  hub->Feed(0, 115, "base");
  hub->Feed(115, 180, "new");
  ASSERT_TRUE(hub->log().AppendFlush().ok());
  // Takes the snapshots of the strategy it wraps down.
  class Watched final : public WrappedStrategy {
   public:
    Watched(std::unique_ptr<Strategy> inner, int& snapshots)
        : WrappedStrategy(std::move(inner)), snapshots_(snapshots) {}
    void Prepare(uint64_t step, int64_t labels, StepBatch& batch) override {
      WrappedStrategy::Prepare(step, labels, batch);
      snapshots_ += batch.take_snapshot ? 1 : 0;
    }

   private:
    int& snapshots_;
  };
  for (const std::string strategy : {"ewc", "lwf", "max", "naive"}) {
    TrainerOptions options = SmallOptions();
    options.strategy = strategy;
    options.new_per_step = 1;
    options.replay_per_step = 3;
    options.name = "whole-" + strategy;
    int snapshots = 0;
    options.make_strategy = [&](std::string_view name) -> Result<std::unique_ptr<Strategy>> {
      PERENNIAL_ASSIGN_OR_RETURN(auto inner, MakeStrategy(name));
      return std::unique_ptr<Strategy>(std::make_unique<Watched>(std::move(inner), snapshots));
    };
    auto whole = hub->OpenTrainer(options);
    TrainAll(*whole, hub->log());
    const Hash256 end = whole->Fingerprint();
    EXPECT_EQ(snapshots > 0, strategy == "ewc" || strategy == "lwf") << strategy;
    options.make_strategy = nullptr;
    Rng rng(7);
    options.name = "broken-" + strategy;
    Hash256 got;
    for (int run = 0; run < 200; ++run) {
      auto trainer = hub->OpenTrainer(options);
      TrainAll(*trainer, hub->log(), 20 + rng.Below(30));
      got = trainer->Fingerprint();
      if (trainer->GetStatus().cursor == hub->log().End()) break;
      if (rng.Chance(0.5)) {
        ASSERT_TRUE(trainer->Checkpoint().ok());
      }
    }
    EXPECT_EQ(got, end) << strategy;
  }
}

}  // namespace
}  // namespace perennial::trainer
