#include <cmath>

#include "tests/api/fixture.h"

namespace perennial::api {
namespace {

using TrainerTest = ApiTest;

TEST_F(TrainerTest, PauseAndResumeShowTheNewState) {
  EXPECT_EQ(Post("/api/v1/trainer/pause", nullptr).body["state"], "paused");
  EXPECT_EQ(Post("/api/v1/trainer/resume", nullptr).body["state"], "running");
}

TEST_F(TrainerTest, CheckpointAndPublish) {
  EXPECT_EQ(Post("/api/v1/trainer/checkpoint", nlohmann::json::object()).status, 200);
  EXPECT_EQ(Post("/api/v1/trainer/publish", nullptr).status, 202);
  EXPECT_EQ(Post("/api/v1/trainer/publish", {{"now", true}}).status, 400);
  trainer_.SetVerbStatus(FailedPrecondition("nothing was learned yet", "feed some samples"));
  EXPECT_EQ(Post("/api/v1/trainer/publish", nullptr).status, 412);
  trainer_.SetVerbStatus(ResourceExhausted("no space left on device"));
  EXPECT_EQ(Post("/api/v1/trainer/checkpoint", nullptr).status, 503);
}

TEST_F(TrainerTest, StatusShowsTrainerShadowLogAndRollout) {
  trainer_.SetMain({.error = {}, .cursor = 7, .backlog = 3, .steps = 2, .loss = std::nan("")});
  trainer_.SetShadow("naive", {.state = "failed", .error = "loss is not finite"});
  const Answer answer = Get("/api/v1/status");
  EXPECT_EQ(answer.body["trainer"]["cursor"], 7);
  EXPECT_TRUE(answer.body["trainer"]["loss"].is_null());
  EXPECT_EQ(answer.body["shadow"]["naive"]["error"], "loss is not finite");
  EXPECT_EQ(answer.body["log"]["end"], 0);
  EXPECT_EQ(answer.body["rollout"]["stable"], 0);
  EXPECT_EQ(answer.body["update"]["announce"], "tcp://127.0.0.1:1");
}

TEST_F(TrainerTest, HealthIsDegradedWhenTheTrainerFailed) {
  EXPECT_EQ(Get("/healthz").body["status"], "ok");
  trainer_.SetMain({.state = "failed", .error = "disk"});
  EXPECT_EQ(Get("/healthz").body["status"], "degraded");
}

TEST_F(TrainerTest, EvaluationsByTrainerOldestFirst) {
  EvaluationRecord record;
  record.time_us = 1;
  record.version = VersionId{1};
  record.accepted = true;
  record.average_accuracy = 0.75;
  record.backward_transfer = std::nan("");
  record.slices.push_back({.slice = "default", .samples = 10, .accuracy = 0.75, .balanced_accuracy = 0.7});
  EvaluationRecord second = record;
  second.time_us = 2;
  trainer_.SetRecords({{"main", {record, second}}, {"naive", {record}}});
  const Answer answer = Get("/api/v1/evaluations");
  ASSERT_EQ(answer.body["trainers"]["main"].size(), 2u);
  EXPECT_EQ(answer.body["trainers"]["main"][0]["time_us"], 1);
  EXPECT_TRUE(answer.body["trainers"]["main"][0]["backward_transfer"].is_null());
  EXPECT_EQ(answer.body["trainers"]["naive"][0]["slices"][0]["accuracy"], 0.75);
  EXPECT_EQ(Get("/api/v1/evaluations?limit=1").body["trainers"]["main"][0]["time_us"], 2);
  EXPECT_EQ(Get("/api/v1/evaluations?limit=0").status, 400);
}

EvaluationRecord EvaluationAt(uint64_t trained_until, uint64_t version, std::vector<double> accuracies) {
  EvaluationRecord record;
  record.trained_until = trained_until;
  record.version = VersionId{version};
  record.accepted = version != 0;
  for (size_t i = 0; i < accuracies.size(); ++i) {
    record.slices.push_back({std::string(1, static_cast<char>('a' + i)), 100, accuracies[i], accuracies[i]});
  }
  return record;
}

TEST_F(TrainerTest, ComparisonIsWithWhatWasPublishedByTheShadowsPlaceOfTheLog) {
  trainer_.SetMain({.compute_s = 30});
  trainer_.SetShadow("er", {.backlog = 12, .compute_s = 4.5});
  trainer_.SetShadow("retrain", {});
  trainer_.SetRecords({{"main",
                        {EvaluationAt(100, 1, {0.9}), EvaluationAt(200, 2, {0.8, 1.0}),
                         EvaluationAt(250, 0, {0.1, 0.1}), EvaluationAt(400, 3, {0.9, 0.9})}},
                       {"er", {EvaluationAt(100, 1, {0.5}), EvaluationAt(300, 2, {0.5, 0.7, 0.1})}}});
  const Answer answer = Get("/api/v1/comparison");
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body["main"]["compute_s"], 30);
  ASSERT_EQ(answer.body["shadows"].size(), 2u);
  const auto er = answer.body["shadows"][0];
  EXPECT_EQ(er["shadow"], "er");
  EXPECT_EQ(er["backlog"], 12);
  EXPECT_EQ(er["trained_until"], 300);
  EXPECT_EQ(er["main_version"], 2) << "neither what was refused nor what came later";
  EXPECT_NEAR(er["main_figures"]["average_accuracy"], 0.9, 1e-12);
  EXPECT_NEAR(er["shadow_figures"]["average_accuracy"], 0.6, 1e-12) << "the slice that only one knows is left out";
  EXPECT_NEAR(er["shadow_figures"]["worst_slice_accuracy"], 0.5, 1e-12);
  EXPECT_NEAR(er["gain"], 0.3, 1e-12);
  EXPECT_FALSE(answer.body["shadows"][1].contains("gain")) << "not evaluated yet";
  EXPECT_EQ(Get("/api/v1/comparison?of=er").status, 400);
}

}  // namespace
}  // namespace perennial::api
