#include "trainer/strategy.h"

#include <gtest/gtest.h>

#include <limits>

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

torch::Tensor LossOf(Strategy& strategy, const StepContext& context, StepBatch batch) {
  strategy.Prepare(context.step, context.student.label_count(), batch);
  return strategy.Loss(context, batch);
}

double LossOf(const std::string& name, const StepBatch& batch, uint64_t step = 0) {
  LinearModel student(5, 4, 1), teacher(5, 4, 1);
  const auto strategy = MakeStrategy(name);
  return LossOf(**strategy, StepContext{step, student, teacher, teacher}, batch).item<double>();
}

TEST(ErAce, NewSamplesCompeteWithTheirOwnClassesOnly) {
  const StepBatch batch = Batch({2, 3, 0, 1, 2}, 2);
  LinearModel student(5, 4, 1), teacher(5, 4, 1);
  const auto strategy = MakeStrategy("er_ace");
  LossOf(**strategy, StepContext{0, student, teacher, teacher}, batch).backward();
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
  const double masked = LossOf(**strategy, context, Batch({2, 3, 0, 1}, 2)).item<double>();
  (void)LossOf(**strategy, context, Batch({0, 1, 2, 3}, 2));
  const double open = LossOf(**strategy, context, Batch({2, 3, 0, 1}, 2)).item<double>();
  EXPECT_GT(open, masked) << "more classes compete";
  const auto resumed = MakeStrategy("default");
  ASSERT_TRUE((*resumed)->Load((*strategy)->Save()).ok());
  EXPECT_DOUBLE_EQ(LossOf(**resumed, context, Batch({2, 3, 0, 1}, 2)).item<double>(), open);
  EXPECT_FALSE((*resumed)->Load("\x05").ok());
}

TEST(DefaultStrategy, WhatIsRecentCountsBatchesNotTheStepsOnThem) {
  LinearModel student(5, 4, 1), teacher(5, 4, 1);
  const auto loss_of = [&](uint64_t number, uint64_t step) {
    const auto strategy = MakeStrategy("default");
    (void)LossOf(**strategy, StepContext{0, student, teacher, teacher}, Batch({0, 1, 2, 3}, 2));
    StepBatch later = Batch({2, 3, 0, 1}, 2);
    later.number = number;
    return LossOf(**strategy, StepContext{step, student, teacher, teacher}, later).item<double>();
  };
  const double open = loss_of(1, 1);
  EXPECT_NEAR(loss_of(1, 5000), open, 1e-5) << "thousands of steps on one batch";
  EXPECT_LT(loss_of(5000, 5000), open - 1e-3) << "thousands of batches later only the batch's own classes compete";
}

TEST(DefaultStrategy, TheTeacherPullsOnceItHasLearned) {
  LinearModel student(5, 4, 1), other(5, 4, 2);
  const StepBatch batch = Batch({2, 3, 0, 1}, 2);
  const auto loss = [&](uint64_t step, model::Model& teacher) {
    const auto strategy = MakeStrategy("default");
    return LossOf(**strategy, StepContext{step, student, teacher, teacher}, batch).item<double>();
  };
  LinearModel same(5, 4, 1);
  EXPECT_DOUBLE_EQ(loss(0, same), loss(0, other)) << "not at the start";
  EXPECT_NEAR(loss(1000, same), loss(0, same), 1e-5) << "nothing to learn from an equal";
  EXPECT_GT(loss(1000, other), loss(1000, same));
}

// Stored logits for the three replayed rows of Batch({2, 3, 0, 1, 2}, 2): the second row has none, the third only of
// the first two labels.
StepBatch WithStoredLogits() {
  StepBatch batch = Batch({2, 3, 0, 1, 2}, 2);
  const float none = std::numeric_limits<float>::quiet_NaN();
  batch.stored_logits = torch::tensor({{1.0f, 2.0f, 3.0f, 4.0f}, {none, none, none, none}, {-1.0f, 0.5f, none, none}});
  return batch;
}

TEST(StoredLogitLoss, LeavesOutLabelsThatWereNotThereAndMixedPictures) {
  StepBatch batch = WithStoredLogits();
  const torch::Tensor now =
      torch::tensor({{1.0f, 2.0f, 3.0f, 6.0f}, {9.0f, 9.0f, 9.0f, 9.0f}, {0.0f, 0.5f, 7.0f, 7.0f}});
  EXPECT_NEAR(StoredLogitLoss(now, batch).item<double>(), (4.0 / 4 + 0 + 1.0 / 2) / 3, 1e-6);
  batch.own_share = torch::tensor({1.0f, 1.0f, 0.5f, 1.0f, 1.0f});
  EXPECT_NEAR(StoredLogitLoss(now, batch).item<double>(), (1.0 / 2) / 3, 1e-6);
  EXPECT_EQ(StoredLogitLoss(now, Batch({2, 3, 0, 1, 2}, 2)).item<double>(), 0);
}

TEST(StoredLogitLoss, MissingLogitsGiveNoGradientAndNoNaN) {
  torch::Tensor now = torch::zeros({3, 4}, torch::requires_grad());
  StoredLogitLoss(now, WithStoredLogits()).backward();
  EXPECT_TRUE(torch::isfinite(now.grad()).all().item<bool>());
  EXPECT_EQ(now.grad()[1].abs().sum().item<double>(), 0);
  EXPECT_EQ(now.grad()[2].narrow(0, 2, 2).abs().sum().item<double>(), 0);
}

TEST(Der, IsTheNewSamplesCrossEntropyAndTheDistanceFromStoredLogits) {
  const StepBatch batch = WithStoredLogits();
  LinearModel student(5, 4, 1);
  const torch::Tensor logits = student.Forward(batch.input).logits;
  const torch::Tensor fresh = ClassificationLoss(logits.narrow(0, 0, 2), FreshRows(batch));
  const torch::Tensor stored = StoredLogitLoss(logits.narrow(0, 2, 3), batch);
  const torch::Tensor old = ClassificationLoss(logits.narrow(0, 2, 3), ReplayRows(batch));
  EXPECT_NEAR(LossOf("der", batch), (fresh + 0.5 * stored).item<double>(), 1e-5);
  EXPECT_NEAR(LossOf("der_pp", batch), (fresh + 0.5 * stored + 0.5 * old).item<double>(), 1e-5);
}

TEST(StrategiesWithStoredLogits, HandThemOutDerTheStudentsDefaultTheTeachers) {
  LinearModel student(5, 4, 1), teacher(5, 4, 2);
  const StepBatch batch = WithStoredLogits();
  for (const auto& [name, source] : {std::pair<const char*, model::Model*>{"der", &student}, {"default", &teacher}}) {
    const auto strategy = MakeStrategy(name);
    ASSERT_TRUE((*strategy)->UsesStoredLogits()) << name;
    torch::Tensor out;
    (void)LossOf(**strategy, StepContext{0, student, teacher, teacher, &out}, batch);
    ASSERT_TRUE(out.defined()) << name;
    EXPECT_FALSE(out.requires_grad()) << name;
    EXPECT_TRUE(torch::equal(out, source->Forward(batch.input).logits.detach())) << name;
  }
}

TEST(ClsEr, FollowsWhicheverAverageIsSurerOfTheLabel) {
  LinearModel student(5, 4, 1), plastic(5, 4, 2), stable(5, 4, 3);
  const StepBatch batch = Batch({2, 3, 0, 1, 2}, 2);
  const auto strategy = MakeStrategy("cls_er");
  const double early = LossOf(**strategy, StepContext{0, student, plastic, stable}, batch).item<double>();
  const double later = LossOf(**strategy, StepContext{500, student, plastic, stable}, batch).item<double>();
  const torch::Tensor logits = student.Forward(batch.input).logits;
  double apart = 0;
  for (int64_t row = 2; row < 5; ++row) {
    const int64_t label = batch.targets[row].item<int64_t>();
    const torch::Tensor p = plastic.Forward(batch.input).logits[row], s = stable.Forward(batch.input).logits[row];
    const bool use_plastic =
        torch::log_softmax(p, 0)[label].item<double>() > torch::log_softmax(s, 0)[label].item<double>();
    apart += (logits[row] - (use_plastic ? p : s)).square().mean().item<double>() / 3;
  }
  EXPECT_NEAR(later - early, 0.15 * apart, 1e-4);
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
