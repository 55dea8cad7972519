#include "storage/base/rng.h"
#include "tests/api/fixture.h"

namespace perennial::api {
namespace {

using VersionsTest = ApiTest;

TEST_F(VersionsTest, ListsTheNewestPageAscending) {
  for (int i = 1; i <= 5; ++i) {
    Release(static_cast<float>(i));
    if (!rollout_->TrialRunning()) continue;
    ASSERT_TRUE(rollout_->Promote("test").ok());
  }
  const Answer newest = Get("/api/v1/versions?limit=2");
  ASSERT_EQ(newest.body["versions"].size(), 2u);
  EXPECT_EQ(newest.body["versions"][0]["version"], 4);
  EXPECT_EQ(newest.body["versions"][1]["version"], 5);
  EXPECT_EQ(newest.body["versions"][1]["fate"], "stable");
  const Answer older = Get("/api/v1/versions?limit=3&before=" + newest.body["next_before"].dump());
  ASSERT_EQ(older.body["versions"].size(), 3u);
  EXPECT_EQ(older.body["versions"][0]["version"], 1);
  EXPECT_TRUE(older.body["next_before"].is_null());
}

TEST_F(VersionsTest, ShowsOneWithItsReport) {
  const VersionId version = Release(1);
  const Answer answer = Get("/api/v1/versions/" + version.ToString());
  EXPECT_EQ(answer.body["version"], version.value);
  EXPECT_EQ(answer.body["report"]["average_accuracy"], 0.5);
  EXPECT_GT(answer.body["snapshot_bytes"], 0);
  EXPECT_EQ(Get("/api/v1/versions/99").status, 404);
  EXPECT_EQ(Get("/api/v1/versions/latest").status, 400);
}

// Large enough that a delta pays: noise, of which the first `changed` codes are others.
format::VersionImage NoisyImage(size_t changed) {
  format::VersionImage image = TestImage(1);
  format::TensorRecord& weight = image.tensors[1];
  weight.shape = {256, 64};
  weight.scales.assign(256, 0.5f);
  weight.codes.clear();
  Rng rng(1);
  for (size_t i = 0; i < 256 * 64; ++i) {
    weight.codes.push_back(static_cast<int8_t>(static_cast<int>(rng.Below(200)) - 100 + (i < changed ? 1 : 0)));
  }
  return image;
}

TEST_F(VersionsTest, TheDeltaIsTheOneThatNodesLoadAndNotTheParents) {
  const VersionId stable = releaser_->Release(NoisyImage(0), "{}").value().version;
  const VersionId refused = releaser_->Release(NoisyImage(10), "{}").value().version;
  ASSERT_TRUE(rollout_->Abort("test").ok());
  const VersionId third = releaser_->Release(NoisyImage(4000), "{}").value().version;
  const nlohmann::json version = Get("/api/v1/versions/" + third.ToString()).body;
  EXPECT_EQ(version["parent"], refused.value);
  EXPECT_EQ(version["held_before"], stable.value);
  ASSERT_EQ(version["objects"].size(), 3u) << "a snapshot, a delta from stable, a delta from the parent";
  EXPECT_EQ(version["objects"][1]["base"], stable.value);
  EXPECT_EQ(version["objects"][2]["base"], refused.value);
  EXPECT_NE(version["objects"][1]["bytes"], version["objects"][2]["bytes"]) << "else this test shows nothing";
  EXPECT_EQ(version["delta_bytes"], version["objects"][1]["bytes"]);
  // The same in the list, and after its own trial.
  ASSERT_TRUE(rollout_->Promote("test").ok());
  const nlohmann::json list = Get("/api/v1/versions").body["versions"];
  EXPECT_EQ(list[2]["delta_bytes"], version["delta_bytes"]);
  EXPECT_EQ(list[1]["held_before"], stable.value);
  EXPECT_EQ(list[0]["held_before"], 0);
  EXPECT_EQ(list[0]["delta_bytes"], 0);
}

TEST_F(VersionsTest, ShowsWhatAVersionFlipped) {
  const VersionId version = Release(1);
  EXPECT_EQ(Get("/api/v1/versions/1/flips").status, 404) << "none are kept";
  FlipList flips{.known = true, .compared = 40, .lost = 2, .won = 3, .negative_flip_rate = 0.05, .listed = {}};
  flips.listed.push_back({17, "img-17", "base", "scratch", "scratch", "good"});
  trainer_.SetFlips(version, flips);
  const Answer answer = Get("/api/v1/versions/1/flips");
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body["version"], 1);
  EXPECT_EQ(answer.body["lost"], 2);
  EXPECT_EQ(answer.body["won"], 3);
  ASSERT_EQ(answer.body["flips"].size(), 1u);
  EXPECT_EQ(answer.body["flips"][0]["id"], "img-17");
  EXPECT_EQ(answer.body["flips"][0]["true"], "scratch");
  EXPECT_EQ(answer.body["flips"][0]["new_answer"], "good");
  EXPECT_EQ(Get("/api/v1/versions/9/flips").status, 404);
  EXPECT_EQ(Get("/api/v1/versions/x/flips").status, 400);
  EXPECT_EQ(Get("/api/v1/versions/1/flips?limit=3").status, 400);
}

TEST_F(VersionsTest, RollbackReleasesTheOldContentForwardAndStableAtOnce) {
  const VersionId first = Release(1);
  const VersionId second = Release(2);
  ASSERT_TRUE(rollout_->Promote("test").ok());
  const Answer answer = Post("/api/v1/rollback", {{"to", first.value}, {"why", "scratches are missed"}});
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body["version"], second.value + 1);
  EXPECT_EQ(answer.body["rollout"]["stable"], second.value + 1);
  EXPECT_EQ(answer.body["rollout"]["candidate"], 0);
  EXPECT_EQ(versions_->Get(VersionId{3})->manifest.target_root, versions_->Get(first)->manifest.target_root);
  EXPECT_EQ(updates_.announced().back().stable, VersionId{3});
}

TEST_F(VersionsTest, RollbackEndsARunningTrial) {
  const VersionId first = Release(1);
  const VersionId trial = Release(2);
  ASSERT_TRUE(rollout_->TrialRunning());
  ASSERT_EQ(Post("/api/v1/rollback", {{"to", first.value}, {"why", "x"}}).status, 200);
  EXPECT_EQ(versions_->Get(trial)->fate, versions::VersionFate::kRolledBack);
}

TEST_F(VersionsTest, RollbackToWhatDoesNotExistChangesNothing) {
  Release(1);
  const updater::RolloutState before = rollout_->State();
  EXPECT_EQ(Post("/api/v1/rollback", {{"to", 9}, {"why", "x"}}).status, 404);
  EXPECT_EQ(Post("/api/v1/rollback", {{"to", 1}}).status, 400);
  EXPECT_EQ(Post("/api/v1/rollback", {{"too", 1}, {"why", "x"}}).status, 400);
  EXPECT_EQ(rollout_->State(), before);
  EXPECT_EQ(versions_->List().size(), 1u);
}

TEST_F(VersionsTest, ContentOfOldVersionsIsCollectedAndCantBeRolledBackTo) {
  for (int i = 1; i <= 14; ++i) {
    Release(static_cast<float>(i));
    if (!rollout_->TrialRunning()) continue;
    ASSERT_TRUE(rollout_->Promote("test").ok());
  }
  const Answer list = Get("/api/v1/versions");
  EXPECT_EQ(list.body["versions"].size(), 14u) << "records stay";
  EXPECT_EQ(list.body["versions"][0]["content_available"], false);
  EXPECT_EQ(list.body["versions"][13]["content_available"], true);
  EXPECT_EQ(Post("/api/v1/rollback", {{"to", 1}, {"why", "x"}}).status, 412);
}

TEST_F(VersionsTest, AReleaseDuringATrialPublishesNothing) {
  Release(1);
  Release(2);
  const auto refused = releaser_->Release(TestImage(3), "{}");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(versions_->List().size(), 2u);
}

TEST_F(VersionsTest, APublishedVersionWhoseTrialNeverBeganIsStartedOnResume) {
  Release(1);
  ASSERT_TRUE(publisher_->Publish(TestImage(2), "{}", VersionId{1}, VersionId{1}).ok());
  EXPECT_FALSE(rollout_->TrialRunning());
  ASSERT_TRUE(releaser_->ResumeUnstarted().ok());
  EXPECT_EQ(rollout_->State().candidate, VersionId{2});
  ASSERT_TRUE(rollout_->Abort("test").ok());
  ASSERT_TRUE(releaser_->ResumeUnstarted().ok());
  EXPECT_FALSE(rollout_->TrialRunning()) << "a decided version is not tried again";
}

}  // namespace
}  // namespace perennial::api
