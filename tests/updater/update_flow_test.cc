// Hub and nodes over real sockets: what a good day looks like.
#include <gtest/gtest.h>

#include "tests/updater/support/hub_and_node.h"

namespace perennial::updater {
namespace {

TEST(UpdateFlow, FirstVersionIsFetchedAndConfirmedDirectly) {
  TestHub hub;
  TestNode node(hub.AddNode("edge-1"), hub.NodeOptions());
  ASSERT_TRUE(node.Start().ok());
  const format::VersionImage image = MakeImage(1);
  const VersionId version = hub.Release(image);

  ASSERT_TRUE(Eventually([&] { return node.edge().stable() == version; })) << node.Get().last_error;
  EXPECT_EQ(node.edge().RootOf(version), image.Root());
  EXPECT_EQ(node.edge().Calls(), (std::vector<FakeEdge::Call>{{"stage", version}, {"confirm", version}}));
  // The hub hears of it, by the node's authenticated name.
  ASSERT_TRUE(Eventually([&] { return hub.Node("edge-1").stable == version; }));
  EXPECT_TRUE(hub.Node("edge-1").connected);
  EXPECT_EQ(hub.Node("edge-1").http_address, "127.0.0.1:8080");
  EXPECT_EQ(node.Get().swaps, 1u);
  EXPECT_EQ(node.Get().snapshots_fetched, 1u);
  EXPECT_TRUE(Eventually([&] { return node.Get().state == NodeState::kIdle; }));
}

TEST(UpdateFlow, LateJoinerLearnsTheStateThatWasAnnouncedBefore) {
  TestHub hub;
  const VersionId version = hub.Release(MakeImage(1));
  TestNode node(hub.AddNode("edge-1"), hub.NodeOptions());
  ASSERT_TRUE(node.Start().ok());
  EXPECT_TRUE(Eventually([&] { return node.edge().stable() == version; })) << node.Get().last_error;
}

TEST(UpdateFlow, SecondVersionComesAsADelta) {
  TestHub hub;
  TestNode node(hub.AddNode("edge-1"), hub.NodeOptions());
  ASSERT_TRUE(node.Start().ok());
  const format::VersionImage first = MakeImage(1);
  const VersionId one = hub.Release(first);
  ASSERT_TRUE(Eventually([&] { return node.edge().stable() == one; })) << node.Get().last_error;
  const uint64_t snapshot_bytes = node.Get().bytes_downloaded;

  const format::VersionImage second = Trained(first, 2);
  const VersionId two = hub.ReleaseStable(second);
  ASSERT_TRUE(Eventually([&] { return node.edge().stable() == two; })) << node.Get().last_error;
  EXPECT_EQ(node.edge().RootOf(two), second.Root());
  EXPECT_EQ(node.Get().deltas_fetched, 1u);
  EXPECT_LT(node.Get().bytes_downloaded - snapshot_bytes, snapshot_bytes / 2);
}

TEST(UpdateFlow, ALongChainOfDeltasLeavesABootableNodeWithBoundedStorage) {
  TestHub hub;
  TestNode node(hub.AddNode("edge-1"), hub.NodeOptions());
  ASSERT_TRUE(node.Start().ok());
  format::VersionImage image = MakeImage(1, 16);
  VersionId version;
  for (uint64_t i = 0; i < 6; ++i) {
    image = Trained(image, 10 + i);
    version = hub.ReleaseStable(image);
    ASSERT_TRUE(Eventually([&] { return node.edge().stable() == version; })) << node.Get().last_error;
  }
  EXPECT_EQ(node.Get().deltas_fetched, 5u);
  hub.Stop();
  node.StartAfresh();
  EXPECT_EQ(node.edge().stable(), version);
  EXPECT_EQ(node.edge().RootOf(version), image.Root());
  size_t whole = 0;
  for (const versions::VersionRecord& record : node.store().List()) whole += record.content_available ? 1 : 0;
  EXPECT_LE(whole, 2u);
}

TEST(UpdateFlow, CanaryIsPromotedAfterGoodEvidence) {
  TestHub hub;
  TestNode node(hub.AddNode("edge-1"), hub.NodeOptions());
  ASSERT_TRUE(node.Start().ok());
  const format::VersionImage first = MakeImage(1);
  const VersionId one = hub.Release(first);
  ASSERT_TRUE(Eventually([&] { return node.edge().stable() == one; }));
  const VersionId two = hub.Release(Trained(first, 2));
  ASSERT_TRUE(Eventually([&] { return node.edge().trial() == two; })) << node.Get().last_error;
  EXPECT_EQ(node.edge().stable(), one);
  // The node reports the trial after the edge has taken it.
  EXPECT_TRUE(Eventually([&] { return node.Get().state == NodeState::kTrial; }));
  EXPECT_EQ(node.edge().Calls().back(), (FakeEdge::Call{"activate", two, 50}));

  node.edge().SetCounts(Arm(one, 1000, 0, 100, 95));
  node.edge().SetCounts(Arm(two, 60, 0, 30, 29));
  ASSERT_TRUE(Eventually([&] { return node.edge().stable() == two; }));
  EXPECT_EQ(hub.rollout().State().stable, two);
  EXPECT_EQ(hub.rollout().History().back().kind, "promoted");
  EXPECT_TRUE(Eventually([&] { return hub.Node("edge-1").stable == two; }));
}

TEST(UpdateFlow, CanaryIsRolledBackOnEveryNodeWhenItsAccuracyDrops) {
  TestHub hub;
  TestNode a(hub.AddNode("edge-a"), hub.NodeOptions());
  TestNode b(hub.AddNode("edge-b"), hub.NodeOptions());
  ASSERT_TRUE(a.Start().ok());
  ASSERT_TRUE(b.Start().ok());
  const format::VersionImage first = MakeImage(1);
  const VersionId one = hub.Release(first);
  ASSERT_TRUE(Eventually([&] { return a.edge().stable() == one && b.edge().stable() == one; }));
  const VersionId two = hub.Release(Trained(first, 2));
  ASSERT_TRUE(Eventually([&] { return a.edge().trial() == two && b.edge().trial() == two; }));
  const uint64_t bytes = a.Get().bytes_downloaded;
  // Neither node alone has enough labels; the sum does.
  for (TestNode* node : {&a, &b}) {
    node->edge().SetCounts(Arm(one, 400, 0, 200, 190));
    node->edge().SetCounts(Arm(two, 20, 0, 15, 3));
  }
  ASSERT_TRUE(Eventually([&] { return a.edge().trial().value == 0 && b.edge().trial().value == 0; }));
  EXPECT_EQ(a.edge().stable(), one);
  EXPECT_TRUE(a.edge().Called("revert", two));
  EXPECT_TRUE(b.edge().Called("revert", two));
  EXPECT_EQ(a.Get().bytes_downloaded, bytes);
  EXPECT_EQ(hub.store().Get(two)->fate, versions::VersionFate::kRolledBack);
  // The next good version goes through.
  const VersionId three = hub.ReleaseStable(Trained(first, 3));
  EXPECT_TRUE(Eventually([&] { return a.edge().stable() == three && b.edge().stable() == three; }));
}

TEST(UpdateFlow, ChangedWeightReachesTheRunningTrial) {
  TestHub hub;
  TestNode node(hub.AddNode("edge-1"), hub.NodeOptions());
  ASSERT_TRUE(node.Start().ok());
  const format::VersionImage first = MakeImage(1, 8);
  const VersionId one = hub.Release(first);
  ASSERT_TRUE(Eventually([&] { return node.edge().stable() == one; }));
  const VersionId two = hub.Release(Trained(first, 2));
  ASSERT_TRUE(Eventually([&] { return node.edge().trial() == two; }));
  ASSERT_TRUE(hub.rollout().SetWeight(250).ok());
  EXPECT_TRUE(Eventually([&] { return node.edge().Calls().back() == FakeEdge::Call{"activate", two, 250}; }));
}

TEST(UpdateFlow, ForwardRollbackToHeldContentDownloadsNothing) {
  TestHub hub;
  TestNode node(hub.AddNode("edge-1"), hub.NodeOptions());
  ASSERT_TRUE(node.Start().ok());
  const format::VersionImage first = MakeImage(1);
  const VersionId one = hub.Release(first);
  ASSERT_TRUE(Eventually([&] { return node.edge().stable() == one; }));
  const VersionId two = hub.ReleaseStable(Trained(first, 2));
  ASSERT_TRUE(Eventually([&] { return node.edge().stable() == two; }));
  const uint64_t bytes = node.Get().bytes_downloaded;

  const Result<PublishOutcome> again = hub.publisher().Republish(one, "two is bad", two);
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  ASSERT_TRUE(hub.rollout().Start(again->version).ok());
  ASSERT_TRUE(hub.rollout().Promote("roll back").ok());
  ASSERT_TRUE(Eventually([&] { return node.edge().stable() == again->version; })) << node.Get().last_error;
  EXPECT_EQ(node.edge().RootOf(again->version), first.Root());
  EXPECT_EQ(node.Get().bytes_downloaded, bytes);
}

TEST(UpdateFlow, LabelIsForwardedToTheNodeThatAnswered) {
  TestHub hub;
  TestNode node(hub.AddNode("edge-1"), hub.NodeOptions());
  ASSERT_TRUE(node.Start().ok());
  ASSERT_TRUE(Eventually([&] { return hub.Node("edge-1").connected; })) << node.Get().last_error;
  const Duration patience = std::chrono::seconds(20);
  EXPECT_TRUE(hub.server().ForwardFeedback("edge-1:42", "dent", patience).ok());
  EXPECT_EQ(node.edge().FeedbackFor("edge-1:42"), "dent");
  node.edge().ForgetRequest("edge-1:43");
  EXPECT_EQ(hub.server().ForwardFeedback("edge-1:43", "dent", patience).code(), Code::kNotFound);
  EXPECT_EQ(hub.server().ForwardFeedback("edge-9:1", "dent", patience).code(), Code::kNotFound);
  EXPECT_EQ(hub.server().ForwardFeedback("no colon", "dent", patience).code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace perennial::updater
