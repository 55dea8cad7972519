#include "trainer/strategy.h"

#include <gtest/gtest.h>

#include "tests/trainer/linear_model.h"
#include "trainer/loss.h"
#include "trainer/recent_classes.h"
#include "trainer/sgd.h"

namespace perennial::trainer {
namespace {

using testing_support::LinearModel;

// Rows of tokens; the first `fresh` rows are new.
StepBatch Batch(const std::vector<int64_t>& targets, int64_t fresh) {
  StepBatch batch;
  batch.targets = torch::tensor(targets, torch::kLong);
  batch.fresh = fresh;
  const auto rows = static_cast<int64_t>(targets.size());
  batch.input.tokens = torch::arange(rows * 5).view({rows, 5}) % 7;
  return batch;
}

double LossOf(const std::string& name, const StepBatch& batch, uint64_t step = 0) {
  LinearModel student(5, 4, 1), teacher(5, 4, 1);
  const auto strategy = MakeStrategy(name);
  return (*strategy)->Loss(StepContext{step, student, teacher, teacher}, batch).item<double>();
}

TEST(ErAce, NewSamplesCompeteWithTheirOwnClassesOnly) {
  const StepBatch batch = Batch({2, 3, 0, 1, 2}, 2);
  LinearModel student(5, 4, 1), teacher(5, 4, 1);
  const auto strategy = MakeStrategy("er_ace");
  (*strategy)->Loss(StepContext{0, student, teacher, teacher}, batch).backward();
  const torch::Tensor logits = student.Forward(batch.input).logits;
  // By hand: new rows over classes 2 and 3, replayed rows over all four.
  const auto fresh = torch::nll_loss(torch::log_softmax(logits.narrow(0, 0, 2).narrow(1, 2, 2), 1),
                                     torch::tensor({0, 1}, torch::kLong));
  const auto old = torch::nll_loss(torch::log_softmax(logits.narrow(0, 2, 3), 1), batch.targets.narrow(0, 2, 3));
  EXPECT_NEAR(LossOf("er_ace", batch), (fresh + old).item<double>(), 1e-4);
}

TEST(ErAce, WithoutReplayIsTheCrossEntropyOfTheBatchsClasses) {
  EXPECT_GT(LossOf("er", Batch({2, 2}, 2)), 0.01);
  EXPECT_NEAR(LossOf("er_ace", Batch({2, 2}, 2)), 0, 1e-6) << "one class alone has nothing to compete with";
}

TEST(DefaultStrategy, MasksNothingOnceEveryClassIsRecentAndRemembersThatOverACheckpoint) {
  LinearModel student(5, 4, 1), teacher(5, 4, 1);
  const StepContext context{0, student, teacher, teacher};
  const auto strategy = MakeStrategy("default");
  const double masked = (*strategy)->Loss(context, Batch({2, 3, 0, 1}, 2)).item<double>();
  (void)(*strategy)->Loss(context, Batch({0, 1, 2, 3}, 2));
  const double open = (*strategy)->Loss(context, Batch({2, 3, 0, 1}, 2)).item<double>();
  EXPECT_GT(open, masked) << "more classes compete";
  const auto resumed = MakeStrategy("default");
  ASSERT_TRUE((*resumed)->Load((*strategy)->Save()).ok());
  EXPECT_DOUBLE_EQ((*resumed)->Loss(context, Batch({2, 3, 0, 1}, 2)).item<double>(), open);
  EXPECT_FALSE((*resumed)->Load("\x05").ok());
}

TEST(DefaultStrategy, TheTeacherPullsOnceItHasLearned) {
  LinearModel student(5, 4, 1), other(5, 4, 2);
  const StepBatch batch = Batch({2, 3, 0, 1}, 2);
  const auto loss = [&](uint64_t step, model::Model& teacher) {
    const auto strategy = MakeStrategy("default");
    return (*strategy)->Loss(StepContext{step, student, teacher, teacher}, batch).item<double>();
  };
  LinearModel same(5, 4, 1);
  EXPECT_DOUBLE_EQ(loss(0, same), loss(0, other)) << "not at the start";
  EXPECT_NEAR(loss(1000, same), loss(0, same), 1e-5) << "nothing to learn from an equal";
  EXPECT_GT(loss(1000, other), loss(1000, same));
}

TEST(DistillationLoss, IsZeroForEqualsAndPositiveElse) {
  const torch::Tensor logits = torch::tensor({{1.0, 2.0, -3.0}, {0.0, 0.5, 4.0}});
  EXPECT_NEAR(DistillationLoss(logits, logits, 4).item<double>(), 0, 1e-6);
  EXPECT_GT(DistillationLoss(logits, logits.flip(1), 4).item<double>(), 0.1);
}

TEST(RecentClasses, ForgetAfterTheirWindow) {
  RecentClasses recent(10);
  recent.Note(5, {0, 2});
  EXPECT_EQ(recent.At(5, 4), (std::vector<bool>{true, false, true, false}));
  recent.Note(12, {3});
  EXPECT_EQ(recent.At(15, 4), (std::vector<bool>{true, false, true, true}));
  EXPECT_EQ(recent.At(16, 4), (std::vector<bool>{false, false, false, true}));
}

TEST(Sgd, AgreesWithTorch) {
  LinearModel ours(5, 3, 1), theirs(5, 3, 1);
  FlatParameters flat(ours, true);
  SgdOptions options;
  options.momentum = 0.9;
  Sgd sgd(flat, options);
  torch::optim::SGD reference(theirs.parameters(), torch::optim::SGDOptions(0.05).momentum(0.9));
  for (int step = 0; step < 20; ++step) {
    flat.ZeroGradients();
    const StepBatch batch = Batch({step % 3, 1, 2}, 1);
    ClassificationLoss(ours.Forward(batch.input).logits, AllRows(batch)).backward();
    for (const auto& item : theirs.named_parameters()) {
      item.value().mutable_grad() = ours.named_parameters()[item.key()].grad().clone();
    }
    sgd.Step(flat, 0.05);
    reference.step();
  }
  for (const auto& item : theirs.named_parameters()) {
    EXPECT_TRUE(torch::allclose(item.value(), ours.named_parameters()[item.key()], 1e-4, 1e-5)) << item.key();
  }
}

}  // namespace
}  // namespace perennial::trainer
