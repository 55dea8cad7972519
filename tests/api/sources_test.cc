#include "api/source_report.h"
#include "tests/api/fixture.h"

namespace perennial::api {
namespace {

class SourcesTest : public ApiTest {
 protected:
  void Feed(const std::string& source, int begin, int end) {
    for (int i = begin; i < end; ++i) {
      const nlohmann::json sample = {{"source", source}, {"id", std::to_string(i)}, {"text", "t"}, {"label", "l"}};
      ASSERT_EQ(Post("/api/v1/samples", sample).status, 201);
    }
  }
  VersionId ReleaseAt(uint64_t trained_until, const nlohmann::json& report, float value) {
    format::VersionImage image = TestImage(value);
    image.trained_until = trained_until;
    if (rollout_->TrialRunning()) {
      EXPECT_TRUE(rollout_->Promote("test").ok());
    }
    const auto outcome = releaser_->Release(image, report.dump());
    EXPECT_TRUE(outcome.ok()) << outcome.status().ToString();
    return outcome.ok() ? outcome->version : VersionId{};
  }
};

TEST_F(SourcesTest, ListsWhoSentWhat) {
  Feed("a", 0, 3);
  Feed("b", 0, 1);
  const Answer all = Get("/api/v1/sources");
  ASSERT_EQ(all.body["sources"].size(), 2u);
  EXPECT_EQ(all.body["sources"][0]["source"], "a");
  EXPECT_EQ(all.body["sources"][0]["samples"], 3);
  EXPECT_TRUE(all.body["next_after"].is_null());
  const Answer first = Get("/api/v1/sources?limit=1");
  EXPECT_EQ(first.body["sources"].size(), 1u);
  EXPECT_EQ(first.body["next_after"], "a");
  EXPECT_EQ(Get("/api/v1/sources?after=a").body["sources"][0]["source"], "b");
  EXPECT_EQ(Get("/api/v1/sources?afetr=a").status, 400);
}

TEST_F(SourcesTest, ForgetsAndTellsWhoStillHasIt) {
  ASSERT_TRUE(log_->NoteReader("main", Offset{0}).ok());
  Feed("good", 0, 4);
  Feed("bad/one", 0, 4);
  const Answer before = Get("/api/v1/sources/bad%2Fone/forgotten");
  EXPECT_EQ(before.status, 404);
  format::Sample tested;
  tested.source = "bad/one";
  tested.id = "t";
  tested.text = "t";
  tested.label = "l";
  tested.part = format::Part::kTest;
  const Offset held_out = log_->Append({tested}).value().at(0).offset;
  const Answer forgotten = Post("/api/v1/sources/bad%2Fone/forget", nullptr);
  EXPECT_EQ(trainer_.forgotten_flips(), std::vector<Offset>{held_out});
  ASSERT_EQ(forgotten.status, 200) << forgotten.raw.body;
  EXPECT_EQ(forgotten.body["source"]["source"], "bad/one");
  EXPECT_EQ(forgotten.body["source"]["erasing"], true);
  EXPECT_EQ(forgotten.body["waiting_for"], nlohmann::json::array({"main"}));
  const uint64_t at = forgotten.body["source"]["forgotten_at"];
  EXPECT_EQ(Post("/api/v1/sources/bad%2Fone/forget", nullptr).body["source"]["forgotten_at"], at) << "asked twice";
  ASSERT_TRUE(log_->NoteReader("main", Offset{at + 1}).ok());
  const Answer after = Get("/api/v1/sources/bad%2Fone/forgotten");
  EXPECT_EQ(after.body["source"]["erasing"], false);
  EXPECT_TRUE(after.body["waiting_for"].empty());
  EXPECT_EQ(after.body["source"]["forgotten"], 5);
  EXPECT_TRUE(after.body["versions"].empty());
  EXPECT_EQ(Get("/api/v1/status").body["log"]["forgotten"], 5);
  const auto page = events_->After(0, 100, clock_.Now());
  const bool told = std::any_of(page.events.begin(), page.events.end(),
                                [](const Event& event) { return event.type == "source_forgotten"; });
  EXPECT_TRUE(told);
}

TEST_F(SourcesTest, ABlockedSourceIsRefusedUntilItIsUnblocked) {
  Feed("bad", 0, 2);
  const nlohmann::json sample = {{"source", "bad"}, {"id", "9"}, {"text", "t"}, {"label", "l"}};
  EXPECT_EQ(Post("/api/v1/sources/bad/forget", {{"block", true}}).body["source"]["blocked"], true);
  EXPECT_EQ(Post("/api/v1/samples", sample).status, 403);
  const Answer bulk = PostRaw("/api/v1/samples/bulk", sample.dump() + "\n", "application/x-ndjson");
  EXPECT_EQ(bulk.body["errors"], true);
  EXPECT_EQ(bulk.body["items"][0]["status"], "refused");
  EXPECT_EQ(Post("/api/v1/sources/bad/unblock", nullptr).body["blocked"], false);
  EXPECT_EQ(Post("/api/v1/samples", sample).status, 201);
}

TEST_F(SourcesTest, BadRequestsAreRefused) {
  EXPECT_EQ(Post("/api/v1/sources/nobody/forget", nullptr).status, 404);
  EXPECT_EQ(Post("/api/v1/sources/nobody/unblock", nullptr).status, 404);
  EXPECT_EQ(Get("/api/v1/sources/nobody/forgotten").status, 404);
  Feed("bad", 0, 1);
  EXPECT_EQ(Post("/api/v1/sources/bad/forget", {{"blok", true}}).status, 400);
  EXPECT_EQ(Post("/api/v1/sources/bad/forget", {{"block", "yes"}}).status, 400);
  EXPECT_FALSE(log_->FindSource("bad").value().forgotten_at);
  trainer_.SetVerbStatus(ResourceExhausted("disk full"));
  EXPECT_EQ(Post("/api/v1/sources/bad/forget", nullptr).status, 503);
}

TEST_F(SourcesTest, TheSameKeyGetsTheSameAnswer) {
  Feed("bad", 0, 1);
  const Headers key = {{"Idempotency-Key", "k1"}};
  const Answer first = PostRaw("/api/v1/sources/bad/forget", "{}", "application/json", key);
  Feed("bad", 0, 1);
  const Answer again = PostRaw("/api/v1/sources/bad/forget", "{}", "application/json", key);
  EXPECT_EQ(again.raw.body, first.raw.body);
  EXPECT_EQ(log_->FindSource("bad").value().trainable, 1u) << "what came since is not forgotten by a repetition";
}

TEST_F(SourcesTest, NamesEveryVersionThatLearnedFromIt) {
  ASSERT_TRUE(log_->NoteReader("main", Offset{0}).ok());
  Feed("good", 0, 5);
  ReleaseAt(5, {{"forgotten_until", 0}}, 1);
  Feed("bad", 0, 3);  // offsets 5 to 7
  const VersionId second = ReleaseAt(7, {{"forgotten_until", 0}}, 2);
  ReleaseAt(7, {{"forgotten_until", 0}, {"head_only", true}, {"read_until", 8}}, 3);
  Post("/api/v1/sources/bad/forget", nullptr);  // entry 8
  const VersionId fourth = ReleaseAt(9, {{"forgotten_until", 9}}, 4);
  updater::NodeStatus node;
  node.name = "n1";
  node.stable = second;
  updates_.SetNodes({node});

  const Answer report = Get("/api/v1/sources/bad/forgotten");
  const nlohmann::json& versions = report.body["versions"];
  ASSERT_EQ(versions.size(), 3u) << report.raw.body;
  EXPECT_EQ(versions[0]["version"], second.value);
  EXPECT_EQ(versions[0]["network_samples"], 2);
  EXPECT_EQ(versions[0]["head_samples"], 2);
  EXPECT_EQ(versions[0]["first_offset"], 5);
  EXPECT_EQ(versions[0]["last_offset"], 6);
  EXPECT_EQ(versions[0]["live"], true) << "a node has it";
  EXPECT_EQ(versions[0]["nodes"], nlohmann::json::array({"n1"}));
  EXPECT_EQ(versions[1]["head_only"], true);
  EXPECT_EQ(versions[1]["network_samples"], 2);
  EXPECT_EQ(versions[1]["head_samples"], 3);
  EXPECT_EQ(versions[2]["version"], fourth.value);
  EXPECT_EQ(versions[2]["network_samples"], 3) << "its weights come from those before";
  EXPECT_EQ(versions[2]["head_samples"], 0);
  EXPECT_NE(report.body["networks_hold"].get<std::string>().find("up to 3 samples"), std::string::npos);
  EXPECT_GE(report.body["next"].size(), 3u);
}

TEST_F(SourcesTest, CountsWhatWasReadBesideSamplesThatWaited) {
  Feed("good", 0, 2);
  Feed("bad", 0, 4);  // offsets 2 to 5
  // By the limit on sources the sample at 1 waited while those up to 4 were trained on.
  ReleaseAt(1, {{"read_until", 5}}, 1);
  Post("/api/v1/sources/bad/forget", nullptr);
  const nlohmann::json versions = Get("/api/v1/sources/bad/forgotten").body["versions"];
  ASSERT_EQ(versions.size(), 1u);
  EXPECT_EQ(versions[0]["network_samples"], 3);
  EXPECT_EQ(versions[0]["head_samples"], 3);
}

TEST_F(SourcesTest, ANetworkThatWasTrainedAnewAfterwardsHoldsNothing) {
  Feed("bad", 0, 3);
  const VersionId before = ReleaseAt(3, {{"forgotten_until", 0}, {"trained_anew", true}}, 1);
  Post("/api/v1/sources/bad/forget", nullptr);  // entry 3
  ReleaseAt(4, {{"forgotten_until", 4}, {"trained_anew", true}}, 2);
  const VersionId head = ReleaseAt(4, {{"forgotten_until", 4}, {"head_only", true}}, 3);
  const nlohmann::json versions = Get("/api/v1/sources/bad/forgotten").body["versions"];
  ASSERT_EQ(versions.size(), 1u) << versions.dump();
  EXPECT_EQ(versions[0]["version"], before.value);
  // Its content again, and a head on that.
  ASSERT_TRUE(rollout_->Promote("test").ok());
  const VersionId again = releaser_->RollBack(before, "test").value();
  ReleaseAt(4, {{"forgotten_until", 4}, {"head_only", true}}, 4);
  const nlohmann::json now = Get("/api/v1/sources/bad/forgotten").body["versions"];
  ASSERT_EQ(now.size(), 3u) << now.dump();
  EXPECT_EQ(now[1]["version"], again.value);
  EXPECT_EQ(now[1]["head_samples"], 3);
  EXPECT_GT(now[2]["version"], head.value);
  EXPECT_EQ(now[2]["network_samples"], 3);
  EXPECT_EQ(now[2]["head_samples"], 0);
}

}  // namespace
}  // namespace perennial::api
