// Who may talk to the hub, whom a node believes, and what a rude peer costs the others.
#include <gtest/gtest.h>

#include "tests/updater/support/hub_and_node.h"
#include "tests/updater/support/raw_peer.h"

namespace perennial::updater {
namespace {

using transport::ErrorReply;
using transport::Message;

bool ErrorHas(const TestNode& node, const std::string& text) {
  return node.Get().last_error.find(text) != std::string::npos;
}

TEST(UpdateAccess, NodeWhoseKeyIsNotListedGetsNothing) {
  TestHub hub;
  const VersionId one = hub.Release(MakeImage(1, 8));
  trust::NodeBundle stranger = hub.AddNode("edge-1");
  stranger.curve = trust::GenerateCurve();
  TestNode node(stranger, hub.NodeOptions());
  ASSERT_TRUE(node.Start().ok());
  ASSERT_TRUE(Eventually([&] { return ErrorHas(node, "no HEAD from"); }));
  EXPECT_TRUE(hub.server().Nodes().empty());
  EXPECT_EQ(hub.store().reads(), 0u);
  EXPECT_EQ(node.edge().stable().value, 0u);
  // A listed node beside it is served.
  TestNode listed(hub.AddNode("edge-2"), hub.NodeOptions());
  ASSERT_TRUE(listed.Start().ok());
  EXPECT_TRUE(Eventually([&] { return listed.edge().stable() == one; })) << listed.Get().last_error;
}

TEST(UpdateAccess, HubWithAnotherKeyIsNotBelieved) {
  TestHub hub;
  hub.Release(MakeImage(1, 8));
  trust::NodeBundle bundle = hub.AddNode("edge-1");
  bundle.hub_curve_public_z85 = trust::GenerateCurve().public_z85;
  TestNode node(bundle, hub.NodeOptions());
  ASSERT_TRUE(node.Start().ok());
  ASSERT_TRUE(Eventually([&] { return ErrorHas(node, "no HEAD from"); }));
  EXPECT_EQ(node.edge().stable().value, 0u);
}

TEST(UpdateAccess, HeadOfAnotherReleaseKeyIsRefused) {
  TestHub hub;
  hub.Release(MakeImage(1, 8));
  trust::NodeBundle bundle = hub.AddNode("edge-1");
  bundle.release_key = trust::Signer::Generate()->public_key();
  TestNode node(bundle, hub.NodeOptions());
  ASSERT_TRUE(node.Start().ok());
  ASSERT_TRUE(Eventually([&] { return ErrorHas(node, "not signed by the release key"); })) << node.Get().last_error;
  EXPECT_EQ(node.edge().stable().value, 0u);
  EXPECT_EQ(hub.store().reads(), 0u);
}

TEST(UpdateAccess, ReportUnderAnotherNameIsRefused) {
  TestHub hub;
  trust::NodeBundle bundle = hub.AddNode("edge-1");
  bundle.name = "edge-2";
  TestNode node(bundle, hub.NodeOptions());
  ASSERT_TRUE(node.Start().ok());
  ASSERT_TRUE(Eventually([&] { return ErrorHas(node, "may not report as another"); })) << node.Get().last_error;
  EXPECT_TRUE(hub.server().Nodes().empty());
}

TEST(UpdateAccess, RevokedNodeLosesItsPlaceWhileConnected) {
  TestHub hub;
  TestNode node(hub.AddNode("edge-1"), hub.NodeOptions());
  ASSERT_TRUE(node.Start().ok());
  ASSERT_TRUE(Eventually([&] { return hub.Node("edge-1").connected; }));
  ASSERT_TRUE(trust::HubKeyring::RevokeNode(hub.keys_folder(), "edge-1").ok());
  ASSERT_TRUE(Eventually([&] { return hub.server().Nodes().empty(); }));
  EXPECT_TRUE(Eventually([&] { return ErrorHas(node, "revoked"); })) << node.Get().last_error;
}

TEST(UpdateAccess, BusyPortSaysWhatToDo) {
  TestHub hub;
  UpdateServerOptions options;
  options.announce_endpoint = hub.server().announce_endpoint();
  SystemClock clock;
  const auto second = UpdateServer::Start(options, hub.keys(), hub.store(), hub.rollout(), clock);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), Code::kAlreadyExists);
  EXPECT_NE(second.status().hint().find("another port"), std::string::npos);
}

TEST(UpdateAccess, GarbageIsAnsweredWithAnErrorAndTheHubGoesOn) {
  TestHub hub;
  RawPeer peer(hub.AddNode("edge-1"), hub.server().bulk_endpoint());
  ASSERT_TRUE(peer.Send("complete nonsense"));
  std::optional<Message> answer = peer.Receive();
  ASSERT_TRUE(answer.has_value());
  ASSERT_TRUE(std::holds_alternative<ErrorReply>(*answer));
  EXPECT_EQ(std::get<ErrorReply>(*answer).code, Code::kCorruption);
  ASSERT_TRUE(peer.Send(transport::GetManifest{VersionId{77}}));
  answer = peer.Receive();
  ASSERT_TRUE(answer.has_value() && std::holds_alternative<ErrorReply>(*answer));
  EXPECT_EQ(std::get<ErrorReply>(*answer).code, Code::kNotFound);
}

TEST(UpdateAccess, PeerThatNeverReadsStaysWithinItsCreditAndBlocksNobody) {
  TestHub hub;
  const VersionId one = hub.Release(MakeImage(1, 256));
  const format::ObjectRef snapshot = hub.ManifestOf(one).objects.front();
  RawPeer greedy(hub.AddNode("greedy"), hub.server().bulk_endpoint());
  // It grants endless credit, and never acknowledges.
  const size_t count = std::min(snapshot.chunks.size(), transport::kMaxHashesPerRequest);
  const std::vector<Hash256> hashes(snapshot.chunks.begin(), snapshot.chunks.begin() + static_cast<long>(count));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(greedy.Send(transport::GetChunks{7, 0, ~uint64_t{0}, hashes}));
  TestNode node(hub.AddNode("edge-1"), hub.NodeOptions());
  ASSERT_TRUE(node.Start().ok());
  EXPECT_TRUE(Eventually([&] { return node.edge().stable() == one; })) << node.Get().last_error;
}

TEST(UpdateAccess, APeerOutOfCreditCostsNoReadsOfTheStore) {
  TestHub hub;
  const format::ObjectRef snapshot = hub.ManifestOf(hub.Release(MakeImage(1, 256))).objects.front();
  ASSERT_GE(snapshot.chunks.size(), 3u);
  RawPeer peer(hub.AddNode("edge-1"), hub.server().bulk_endpoint());
  ASSERT_TRUE(peer.Send(transport::GetChunks{7, 0, 1, snapshot.chunks}));
  const std::optional<Message> first = peer.Receive();
  ASSERT_TRUE(first.has_value() && std::holds_alternative<transport::ChunkReply>(*first));
  // Every answer shows one more turn of the hub's loop, and each turn looks at what peers wait for.
  for (int turn = 0; turn < 5; ++turn) {
    ASSERT_TRUE(peer.Send(transport::GetManifest{VersionId{77}}));
    const std::optional<Message> answer = peer.Receive();
    ASSERT_TRUE(answer.has_value() && std::holds_alternative<ErrorReply>(*answer));
  }
  EXPECT_EQ(hub.store().reads(), 1u);
  // An acknowledgement lets the next one go.
  const uint64_t got = std::get<transport::ChunkReply>(*first).bytes.size();
  ASSERT_TRUE(peer.Send(transport::GetChunks{7, got, 1, {}}));
  const std::optional<Message> second = peer.Receive();
  ASSERT_TRUE(second.has_value() && std::holds_alternative<transport::ChunkReply>(*second));
  EXPECT_EQ(hub.store().reads(), 2u);
}

}  // namespace
}  // namespace perennial::updater
