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

}  // namespace
}  // namespace perennial::api
