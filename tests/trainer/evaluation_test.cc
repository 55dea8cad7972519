#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "serving/model/quantise.h"
#include "tests/trainer/training_data.h"
#include "trainer/evaluator.h"

namespace perennial::trainer {
namespace {

using testing_support::Hub;
using testing_support::MakeSample;
using testing_support::SmallOptions;
using testing_support::TinySpec;
using testing_support::TrainAll;

samples::SampleLogOptions Share(double share) {
  samples::SampleLogOptions options;
  options.held_out_share = share;
  return options;
}

void FeedTestPart(Hub& hub, uint64_t begin, uint64_t end, const std::string& slice) {
  std::vector<format::Sample> tests;
  for (uint64_t i = begin; i < end; ++i) {
    tests.push_back(MakeSample(i, slice));
    tests.back().part = format::Part::kTest;
  }
  ASSERT_TRUE(hub.log().Append(tests).ok());
}

TEST(Evaluator, TheGateLooksAtTheDrawnShareAndTheReportAtTheTestPart) {
  auto hub = Hub::InMemory(Share(0.3));
  FeedTestPart(*hub, 0, 30, "base");
  hub->Feed(1000, 1400, "base");
  const Evaluator evaluator(hub->log(), {});
  const auto gate = evaluator.GateOffsets("base", 0);
  const auto report = evaluator.ReportOffsets("base", 0);
  ASSERT_TRUE(gate.ok() && report.ok());
  EXPECT_EQ(report->size(), 30u);
  EXPECT_GE(gate->size(), 50u);
  for (const Offset offset : *gate) EXPECT_GE(offset.value, 30u);
  for (const Offset offset : *report) EXPECT_LT(offset.value, 30u);
}

TEST(Evaluator, TheGateTakesTheTestPartOnlyWhereNothingIsDrawn) {
  auto hub = Hub::InMemory(Share(0.0));
  FeedTestPart(*hub, 0, 30, "base");
  hub->Feed(1000, 1020, "base");
  const Evaluator evaluator(hub->log(), {});
  EXPECT_EQ(evaluator.GateOffsets("base", 0).value().size(), 30u);
  EXPECT_EQ(evaluator.GateOffsets("base", 10).value().size(), 10u);

  auto few = Hub::InMemory(Share(0.1));
  FeedTestPart(*few, 0, 30, "base");
  few->Feed(1000, 1060, "base");
  const auto gate = Evaluator(few->log(), {}).GateOffsets("base", 0).value();
  EXPECT_FALSE(gate.empty());
  EXPECT_LT(gate.size(), 30u);
  for (const Offset offset : gate) EXPECT_GE(offset.value, 30u) << "a test sample was looked at";
}

TEST(Evaluator, ABoundedChoiceHardlyMovesAsTheLogGrows) {
  auto hub = Hub::InMemory(Share(0.9));
  hub->Feed(0, 400, "base");
  const Evaluator evaluator(hub->log(), {});
  const auto before = evaluator.GateOffsets("base", 100).value();
  hub->Feed(400, 440, "base");
  const auto after = evaluator.GateOffsets("base", 100).value();
  size_t kept = 0;
  for (const Offset offset : after) kept += std::count(before.begin(), before.end(), offset) > 0 ? 1 : 0;
  EXPECT_GE(kept, 80u);
}

TEST(Evaluator, ScoresAccuracyAndMeanRecallByHand) {
  auto hub = Hub::InMemory(Share(0.0));
  FeedTestPart(*hub, 0, 12, "base");
  Evaluator evaluator(hub->log(), {});
  const auto offsets = evaluator.ReportOffsets("base", 0).value();
  // Always answers the first sample's label.
  const std::string answer = evaluator.TrueLabel(offsets[0]).value();
  Evaluator::Predictions predictions;
  std::map<std::string, int> counts;
  for (const Offset offset : offsets) {
    predictions[offset.value] = 0;
    ++counts[evaluator.TrueLabel(offset).value()];
  }
  const auto score = evaluator.ScoreOf(offsets, predictions, {answer});
  ASSERT_TRUE(score.ok());
  EXPECT_EQ(score->counts.samples, 12u);
  EXPECT_EQ(score->counts.correct, static_cast<uint64_t>(counts[answer]));
  EXPECT_DOUBLE_EQ(score->balanced_accuracy, 1.0 / static_cast<double>(counts.size()));
  predictions.erase(offsets[3].value);
  EXPECT_EQ(evaluator.ScoreOf(offsets, predictions, {answer}).status().code(), Code::kInternal);
}

TEST(Evaluator, AnswersAsTheShippedModelDoes) {
  auto hub = Hub::InMemory(Share(0.0));
  FeedTestPart(*hub, 0, 20, "base");
  Evaluator::Options options;
  options.batch = 7;
  options.cache_bytes = 2000;  // some pictures fit, some do not
  Evaluator evaluator(hub->log(), options);
  const auto model = model::BuildModel(TinySpec(), 3, 5).value();
  model->eval();
  const auto offsets = evaluator.ReportOffsets("base", 0).value();
  Evaluator::Predictions first, second;
  ASSERT_TRUE(evaluator.Predict(*model, offsets, Evaluator::Hide::kNothing, first).ok());
  ASSERT_TRUE(evaluator.Predict(*model, offsets, Evaluator::Hide::kNothing, second).ok());
  EXPECT_EQ(first.size(), 20u);
  EXPECT_EQ(first, second);
  Evaluator::Predictions blind;
  ASSERT_TRUE(evaluator.Predict(*model, offsets, Evaluator::Hide::kImage, blind).ok());
  EXPECT_EQ(blind.size(), 20u);
}

TEST(Candidate, ReportsForgettingAndBackwardTransferAcrossSlices) {
  auto hub = Hub::InMemory(Share(0.1));
  FeedTestPart(*hub, 0, 60, "base");
  FeedTestPart(*hub, 100, 160, "new");
  hub->Feed(1000, 2200, "base");
  ASSERT_TRUE(hub->log().AppendFlush().ok());
  const uint64_t end_of_base = hub->log().End().value;
  hub->Feed(3000, 4200, "new");
  ASSERT_TRUE(hub->log().AppendFlush().ok());
  TrainerOptions options = SmallOptions();
  options.strategy = "naive";
  options.interpolate = false;
  options.new_per_step = 10;
  auto trainer = hub->OpenTrainer(options);
  while (trainer->GetStatus().cursor.value < end_of_base) TrainAll(*trainer, hub->log(), 1);

  const auto first = trainer->MakeCandidate(nullptr, 1, 0);
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  ASSERT_EQ(first->report.slices.size(), 1u);  // slices not trained on yet are not reported
  EXPECT_EQ(first->report.slices[0].samples, 60u);
  const double learned = first->report.slices[0].accuracy;
  ASSERT_GT(learned, 0.5) << first->report.ToJson();
  trainer->Published(*first, VersionId{1});

  TrainAll(*trainer, hub->log());
  const auto second = trainer->MakeCandidate(&first->image, 2, 0);
  ASSERT_TRUE(second.ok());
  ASSERT_EQ(second->report.slices.size(), 2u);
  const SliceMetrics& base = second->report.slices[0];
  EXPECT_LT(base.accuracy, learned - 0.3) << "naive training forgets";
  EXPECT_DOUBLE_EQ(base.best_accuracy, learned);
  EXPECT_DOUBLE_EQ(base.learned_accuracy, learned);
  EXPECT_NEAR(second->report.forgetting, (learned - base.accuracy) / 2, 1e-9);
  EXPECT_NEAR(second->report.backward_transfer, base.accuracy - learned, 1e-9);
  EXPECT_FALSE(second->accepted);
  EXPECT_NE(second->reason.find("slice \"base\""), std::string::npos) << second->reason;
}

TEST(Candidate, KeepsFrozenScalesAndReportsWhatShips) {
  auto hub = Hub::InMemory(Share(0.2));
  hub->Feed(0, 200, "base");
  auto trainer = hub->OpenTrainer(SmallOptions());
  TrainAll(*trainer, hub->log(), 20);
  const auto first = trainer->MakeCandidate(nullptr, 5, 0);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->image.scale_set, 5u);
  TrainAll(*trainer, hub->log(), 10);
  const auto second = trainer->MakeCandidate(&first->image, 6, 0);
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->image.scale_set, 5u);

  // The reported accuracy is that of the image, instantiated.
  const auto shipped = model::Instantiate(second->image, torch::kCPU);
  ASSERT_TRUE(shipped.ok());
  Evaluator evaluator(hub->log(), {});
  const auto offsets = evaluator.ReportOffsets("base", 0).value();
  Evaluator::Predictions predictions;
  ASSERT_TRUE(evaluator.Predict(**shipped, offsets, Evaluator::Hide::kNothing, predictions).ok());
  EXPECT_DOUBLE_EQ(evaluator.ScoreOf(offsets, predictions, second->image.labels).value().counts.Accuracy(),
                   second->report.slices[0].accuracy);
}

TEST(EvaluationReport, WritesJsonWithNullWhereANumberIsUnknown) {
  EvaluationReport report;
  report.slices.push_back({"base", 10, 0.5, 0.4, 0.6, std::nan(""), 7, 3});
  report.shipped = "ema";
  report.steps = 12;
  report.flips_lost = 2;
  report.negative_flip_rate = 0.2;
  const auto json = nlohmann::json::parse(report.ToJson());
  EXPECT_EQ(json["slices"][0]["samples"], 10);
  EXPECT_TRUE(json["slices"][0]["learned_accuracy"].is_null());
  EXPECT_EQ(json["shipped"], "ema");
  EXPECT_EQ(json["steps"], 12);
  EXPECT_EQ(json["flips_lost"], 2);
  EXPECT_EQ(json["negative_flip_rate"], 0.2);
}

}  // namespace
}  // namespace perennial::trainer
