#include "tests/api/fixture.h"

namespace perennial::api {
namespace {

class RolloutTest : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    Release(1);
    Release(2);
    ASSERT_TRUE(rollout_->TrialRunning());
  }
  std::vector<std::string> EventTypes() {
    std::vector<std::string> types;
    for (const Event& event : events_->After(0, 1000, SteadyTime::min()).events) types.push_back(event.type);
    return types;
  }
};

TEST_F(RolloutTest, PromoteMakesTheCandidateStable) {
  const Answer answer = Post("/api/v1/rollout/promote", {{"why", "looks good"}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body["stable"], 2);
  EXPECT_EQ(answer.body["candidate"], 0);
  EXPECT_EQ(Post("/api/v1/rollout/promote", {{"why", "again"}}).status, 412);
}

TEST_F(RolloutTest, AbortGoesBackToTheStableVersion) {
  const Answer answer = Post("/api/v1/rollout/abort", {{"why", "looks bad"}});
  EXPECT_EQ(answer.body["stable"], 1);
  EXPECT_EQ(answer.body["candidate"], 0);
  EXPECT_EQ(versions_->Get(VersionId{2})->reason, "looks bad");
}

TEST_F(RolloutTest, PauseAndWeight) {
  EXPECT_EQ(Post("/api/v1/rollout/pause", {{"paused", true}}).body["paused"], true);
  EXPECT_EQ(Post("/api/v1/rollout/weight", {{"permille", 250}}).body["weight_permille"], 250);
  EXPECT_EQ(Post("/api/v1/rollout/weight", {{"permille", 1001}}).status, 400);
  EXPECT_EQ(Post("/api/v1/rollout/weight", {{"permille", -1}}).status, 400);
  EXPECT_EQ(Post("/api/v1/rollout/pause", {{"paused", "yes"}}).status, 400);
}

TEST_F(RolloutTest, BodiesThatAreNotRightAreRefused) {
  EXPECT_EQ(PostRaw("/api/v1/rollout/promote", "{", "application/json").status, 400);
  EXPECT_EQ(PostRaw("/api/v1/rollout/promote", "[1]", "application/json").status, 400);
  EXPECT_EQ(Post("/api/v1/rollout/promote", nullptr).status, 400) << "why is required";
  const Answer answer = Post("/api/v1/rollout/promote", {{"why", "x"}, {"whi", "y"}});
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.body["hint"].get<std::string>().find("why"), std::string::npos);
  EXPECT_TRUE(rollout_->TrialRunning());
}

TEST_F(RolloutTest, EveryChangeIsAnnouncedToTheNodes) {
  const size_t before = updates_.announced().size();
  Post("/api/v1/rollout/weight", {{"permille", 100}});
  Post("/api/v1/rollout/promote", {{"why", "x"}});
  ASSERT_EQ(updates_.announced().size(), before + 2);
  EXPECT_EQ(updates_.announced().back().stable, VersionId{2});
}

TEST_F(RolloutTest, TheEventStreamTellsTheStory) {
  Post("/api/v1/rollout/abort", {{"why", "looks bad"}});
  Release(3);
  Post("/api/v1/rollout/promote", {{"why", "looks good"}});
  EXPECT_EQ(EventTypes(),
            (std::vector<std::string>{"version_published", "promoted", "version_published", "trial_started",
                                      "rolled_back", "version_published", "trial_started", "promoted"}));
  const auto page = events_->After(0, 1000, SteadyTime::min());
  const auto rolled_back = nlohmann::json::parse(page.events[4].data);
  EXPECT_EQ(rolled_back["version"], 2);
  EXPECT_EQ(rolled_back["reason"], "looks bad");
}

TEST_F(RolloutTest, AnOlderStateReportedLateIsDropped) {
  const updater::RolloutState now = rollout_->State();
  updater::RolloutState older = now;
  older.revision -= 1;
  older.candidate = {};
  const size_t announced = updates_.announced().size();
  rollout_events_->OnState(older);
  rollout_events_->OnState(now);
  EXPECT_EQ(updates_.announced().size(), announced);
}

}  // namespace
}  // namespace perennial::api
