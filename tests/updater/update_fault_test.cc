// Hub and nodes over real sockets on bad days: the node serves on, says what happened, and takes the next good update.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/updater/support/hub_and_node.h"
#include "updater/object_maker.h"

namespace perennial::updater {
namespace {

bool ErrorHas(const TestNode& node, const std::string& text) {
  return node.Get().last_error.find(text) != std::string::npos;
}

// A hub with version 1 stable and a node that runs it.
class UpdateFault : public ::testing::Test {
 protected:
  void SetUp() override {
    node_ = std::make_unique<TestNode>(hub_.AddNode("edge-1"), hub_.NodeOptions());
    ASSERT_TRUE(node_->Start().ok());
    one_ = hub_.Release(first_);
    ASSERT_TRUE(Eventually([&] { return node_->edge().stable() == one_; })) << node_->Get().last_error;
  }
  // Publishes `objects` as the next version, signed, and makes it stable.
  VersionId ReleaseObjects(const format::VersionImage& image, const std::vector<MadeObject>& objects) {
    format::Manifest manifest;
    manifest.model_id = "default";
    manifest.version = hub_.store().NextVersion();
    manifest.architecture = image.spec.ArchitectureHash();
    manifest.target_root = image.Root();
    std::vector<std::string> chunks;
    for (const MadeObject& object : objects) {
      manifest.objects.push_back(object.ref);
      AppendChunks(object, chunks);
    }
    const Status published = hub_.store().Publish(hub_.keys().signer().SignManifest(manifest), "{}", chunks);
    EXPECT_TRUE(published.ok()) << published.ToString();
    EXPECT_TRUE(hub_.rollout().Start(manifest.version).ok());
    EXPECT_TRUE(hub_.rollout().Promote("by hand").ok());
    return manifest.version;
  }

  TestHub hub_;
  std::unique_ptr<TestNode> node_;
  const format::VersionImage first_ = MakeImage(1);
  VersionId one_;
};

TEST_F(UpdateFault, BadManifestSignatureIsRefusedBeforeAnyChunk) {
  const uint64_t reads = hub_.store().reads();
  hub_.store().OnGet([](versions::VersionRecord& record) {
    if (!record.signed_manifest.signatures.empty()) record.signed_manifest.signatures[0].signature[5] ^= 1;
  });
  const VersionId two = hub_.ReleaseStable(Trained(first_, 2));
  ASSERT_TRUE(Eventually([&] { return ErrorHas(*node_, "permission_denied"); })) << node_->Get().last_error;
  EXPECT_EQ(hub_.store().reads(), reads);
  EXPECT_FALSE(node_->edge().Called("stage", two));
  EXPECT_EQ(node_->edge().stable(), one_);
  // The signature is mended: the same node goes on.
  hub_.store().OnGet(nullptr);
  EXPECT_TRUE(Eventually([&] { return node_->edge().stable() == two; })) << node_->Get().last_error;
  EXPECT_TRUE(Eventually([&] { return node_->Get().last_error.empty(); })) << node_->Get().last_error;
}

TEST_F(UpdateFault, UnreadableDeltaFallsBackToTheSnapshotInTheSameAttempt) {
  std::set<Hash256> bad;
  const format::VersionImage second = Trained(first_, 2);
  const VersionId two = hub_.Publish(second);
  const format::Manifest manifest = hub_.ManifestOf(two);
  for (const format::ObjectRef& object : manifest.objects) {
    if (object.kind == format::ObjectKind::kDelta) bad.insert(object.chunks.begin(), object.chunks.end());
  }
  ASSERT_FALSE(bad.empty());
  hub_.store().OnRead(
      [bad](const Hash256& hash) { return bad.contains(hash) ? Corruption("bad disk") : Status::Ok(); });
  ASSERT_TRUE(hub_.rollout().Start(two).ok());
  ASSERT_TRUE(Eventually([&] { return node_->edge().trial() == two; })) << node_->Get().last_error;
  EXPECT_EQ(node_->edge().RootOf(two), second.Root());
  EXPECT_EQ(node_->Get().snapshots_fetched, 2u);
  EXPECT_EQ(node_->Get().deltas_fetched, 0u);
  EXPECT_EQ(node_->Get().last_error, "");
}

TEST_F(UpdateFault, UnreadableVersionIsReportedAndTakenOnceTheHubIsMended) {
  hub_.store().OnRead([](const Hash256&) { return Corruption("bad disk"); });
  const VersionId two = hub_.ReleaseStable(Trained(first_, 2));
  ASSERT_TRUE(Eventually([&] { return ErrorHas(*node_, "bad disk"); }));
  ASSERT_TRUE(Eventually([&] { return hub_.Node("edge-1").last_error.find("bad disk") != std::string::npos; }));
  EXPECT_EQ(node_->edge().stable(), one_);
  hub_.store().OnRead(nullptr);
  EXPECT_TRUE(Eventually([&] { return node_->edge().stable() == two; })) << node_->Get().last_error;
}

TEST_F(UpdateFault, DeltaAgainstAnotherBaseRootIsNotEvenFetched) {
  const format::VersionImage second = Trained(first_, 2);
  MadeObject snapshot = *MakeSnapshotObject(second, 4096);
  MadeObject delta = *MakeDeltaObject(one_, first_, second, 4096);
  delta.ref.base_root.bytes[0] ^= 1;
  const VersionId two = ReleaseObjects(second, {snapshot, delta});
  ASSERT_TRUE(Eventually([&] { return node_->edge().stable() == two; })) << node_->Get().last_error;
  EXPECT_EQ(node_->Get().deltas_fetched, 0u);
  EXPECT_EQ(node_->Get().snapshots_fetched, 2u);
}

TEST_F(UpdateFault, DeltaThatDecodesToOtherContentGivesWayToTheSnapshot) {
  const format::VersionImage second = Trained(first_, 2);
  const format::VersionImage other = Trained(first_, 3);
  MadeObject snapshot = *MakeSnapshotObject(second, 4096);
  MadeObject delta = *MakeDeltaObject(one_, first_, other, 4096);
  const VersionId two = ReleaseObjects(second, {snapshot, delta});
  ASSERT_TRUE(Eventually([&] { return node_->edge().stable() == two; })) << node_->Get().last_error;
  EXPECT_EQ(node_->edge().RootOf(two), second.Root());
  EXPECT_EQ(node_->Get().deltas_fetched, 0u);
  EXPECT_EQ(node_->Get().snapshots_fetched, 2u);
}

TEST_F(UpdateFault, FullDiskOnTheNodeFailsTheAttemptAndNotTheService) {
  node_->store().OnPut([](const Hash256&) { return ResourceExhausted("no space left on device"); });
  const VersionId two = hub_.ReleaseStable(Trained(first_, 2));
  ASSERT_TRUE(Eventually([&] { return ErrorHas(*node_, "no space left"); }));
  EXPECT_EQ(node_->edge().stable(), one_);
  node_->store().OnPut(nullptr);
  EXPECT_TRUE(Eventually([&] { return node_->edge().stable() == two; })) << node_->Get().last_error;
}

TEST_F(UpdateFault, InterruptedDownloadGoesOnWithoutSendingAChunkTwice) {
  // Another architecture of the same size: no delta helps, and every chunk is new.
  format::VersionImage second = MakeImage(9, 256);
  const VersionId two = hub_.Publish(second);
  const format::ObjectRef snapshot = hub_.ManifestOf(two).objects.front();
  ASSERT_GT(snapshot.chunks.size(), 30u);
  std::set<Hash256> sent;
  bool twice = false;
  uint64_t budget = 20;
  hub_.store().OnRead([&](const Hash256& hash) -> Status {
    if (budget == 0) return Unavailable("the line is cut");
    --budget;
    twice = twice || !sent.insert(hash).second;
    return Status::Ok();
  });
  ASSERT_TRUE(hub_.rollout().Start(two).ok());
  ASSERT_TRUE(hub_.rollout().Promote("by hand").ok());
  ASSERT_TRUE(Eventually([&] { return ErrorHas(*node_, "the line is cut"); })) << node_->Get().last_error;
  node_->Stop();
  hub_.store().OnRead([&](const Hash256& hash) {
    twice = twice || !sent.insert(hash).second;
    return Status::Ok();
  });
  node_->StartAfresh();
  ASSERT_TRUE(Eventually([&] { return node_->edge().stable() == two; })) << node_->Get().last_error;
  hub_.store().OnRead(nullptr);
  EXPECT_FALSE(twice);
  EXPECT_EQ(sent.size(), std::set<Hash256>(snapshot.chunks.begin(), snapshot.chunks.end()).size());
  EXPECT_LT(node_->Get().bytes_downloaded, snapshot.bytes);
}

TEST_F(UpdateFault, HubRestartGrowsTheEpochAndNodesFollow) {
  const uint64_t epoch = hub_.rollout().State().epoch;
  hub_.Stop();
  ASSERT_TRUE(Eventually([&] { return node_->Get().stale; }));
  EXPECT_EQ(node_->edge().stable(), one_);
  hub_.Start();
  EXPECT_GT(hub_.rollout().State().epoch, epoch);
  EXPECT_EQ(hub_.rollout().State().stable, one_);
  ASSERT_TRUE(Eventually([&] { return !node_->Get().stale; })) << node_->Get().last_error;
  const VersionId two = hub_.ReleaseStable(Trained(first_, 2));
  EXPECT_TRUE(Eventually([&] { return node_->edge().stable() == two; })) << node_->Get().last_error;
}

TEST_F(UpdateFault, NodeWithoutAHubBootsItsLastVersionAndSaysThatItIsStale) {
  hub_.Stop();
  node_->StartAfresh();
  EXPECT_EQ(node_->edge().stable(), one_);
  EXPECT_EQ(node_->edge().RootOf(one_), first_.Root());
  EXPECT_TRUE(Eventually([&] { return node_->Get().stale; }));
  EXPECT_EQ(node_->Get().stable, one_);
}

TEST_F(UpdateFault, DiskThatCannotBeWrittenAtBootDoesNotKeepTheNodeFromServing) {
  node_->Stop();
  node_->store().FailSlots(ResourceExhausted("no space left on device"));
  node_->StartAfresh();
  EXPECT_EQ(node_->edge().stable(), one_);
  EXPECT_TRUE(ErrorHas(*node_, "no space left"));
  const VersionId two = hub_.ReleaseStable(Trained(first_, 2));
  ASSERT_TRUE(Eventually([&] { return node_->edge().Called("stage", two); }));
  EXPECT_EQ(node_->edge().stable(), one_);
  node_->store().FailSlots(Status::Ok());
  EXPECT_TRUE(Eventually([&] { return node_->edge().stable() == two; })) << node_->Get().last_error;
}

TEST_F(UpdateFault, RevertHoldsAlsoWhenItCannotBeWritten) {
  const VersionId two = hub_.Release(Trained(first_, 2));
  ASSERT_TRUE(Eventually([&] { return node_->edge().trial() == two; }));
  node_->store().FailSlots(IoError("the disk is gone"));
  ArmCounts arm = Arm(two, 1, 1);
  arm.nan_outputs = 1;
  node_->edge().SetCounts(arm);
  ASSERT_TRUE(Eventually([&] { return node_->edge().Called("revert", two); }));
  ASSERT_TRUE(Eventually([&] { return !hub_.rollout().TrialRunning(); }));
  EXPECT_TRUE(Eventually([&] { return node_->Get().candidate.value == 0; }));
  node_->store().FailSlots(Status::Ok());
}

TEST_F(UpdateFault, DamagedStableVersionFallsBackToTheLastGoodOne) {
  const format::VersionImage second = Trained(first_, 2);
  const VersionId two = hub_.ReleaseStable(second);
  ASSERT_TRUE(Eventually([&] { return node_->edge().stable() == two; }));
  hub_.Stop();
  node_->Stop();
  // The newest record of the node's store is version 2's; its manifest now leads nowhere.
  const VersionId newest{node_->store().NextVersion().value - 1};
  node_->store().OnGet([newest](versions::VersionRecord& record) {
    if (record.manifest.version == newest) record.manifest.objects.front().chunks.front() = Sha256("lost");
  });
  node_->StartAfresh();
  EXPECT_EQ(node_->edge().stable(), one_);
  EXPECT_EQ(node_->Get().stable, one_);
  EXPECT_TRUE(ErrorHas(*node_, "boot version 2"));
  node_->store().OnGet(nullptr);
  hub_.Start();
  EXPECT_TRUE(Eventually([&] { return node_->edge().stable() == two; })) << node_->Get().last_error;
}

TEST_F(UpdateFault, AnswersThatAreNotFiniteRevertAtOnceAndForGood) {
  const VersionId two = hub_.Release(Trained(first_, 2));
  ASSERT_TRUE(Eventually([&] { return node_->edge().trial() == two; }));
  ArmCounts arm = Arm(two, 1, 1);
  arm.nan_outputs = 1;
  node_->edge().SetCounts(arm);
  ASSERT_TRUE(Eventually([&] { return node_->edge().Called("revert", two); }));
  ASSERT_TRUE(Eventually([&] { return !hub_.rollout().TrialRunning(); }));
  EXPECT_EQ(hub_.rollout().History().back().kind, "rolled_back");
  EXPECT_EQ(hub_.rollout().State().stable, one_);
  // Put on trial again by hand: this node has not forgotten, also not over a restart, and the hub hears it.
  node_->StartAfresh();
  ASSERT_TRUE(hub_.rollout().Start(two).ok());
  ASSERT_TRUE(Eventually([&] { return !hub_.rollout().TrialRunning(); }));
  EXPECT_NE(hub_.rollout().History().back().reason.find("edge-1 refused it"), std::string::npos);
  EXPECT_FALSE(node_->edge().Called("stage", two));
}

TEST_F(UpdateFault, VersionThatFailsItsWarmUpIsRefusedAndRolledBackEverywhere) {
  const VersionId two = hub_.Publish(Trained(first_, 2));
  node_->edge().FailStage(two, FailedPrecondition("warm-up outputs are not finite"));
  ASSERT_TRUE(hub_.rollout().Start(two).ok());
  ASSERT_TRUE(Eventually([&] { return !hub_.rollout().TrialRunning(); })) << node_->Get().last_error;
  EXPECT_NE(hub_.rollout().History().back().reason.find("warm-up outputs are not finite"), std::string::npos);
  EXPECT_EQ(node_->edge().stable(), one_);
  EXPECT_FALSE(node_->edge().Called("activate", two));
}

TEST_F(UpdateFault, TrialWithoutAVerdictEndsByItself) {
  node_->Stop();
  node_->options().trial_deadline = std::chrono::milliseconds(50);
  node_->StartAfresh();
  const VersionId two = hub_.Release(Trained(first_, 2));
  ASSERT_TRUE(Eventually([&] { return node_->edge().Called("revert", two); })) << node_->Get().last_error;
  EXPECT_EQ(node_->edge().stable(), one_);
  // The node tells the hub why; what it says of itself afterwards may already be about something newer.
  EXPECT_TRUE(Eventually([&] {
    return hub_.rollout().History().back().reason.find("deadline") != std::string::npos || ErrorHas(*node_, "deadline");
  })) << hub_.rollout().History().back().reason;
}

TEST_F(UpdateFault, TrialGoesOnAfterTheNodeRestartsWithoutADownload) {
  const VersionId two = hub_.Release(Trained(first_, 2));
  ASSERT_TRUE(Eventually([&] { return node_->edge().trial() == two; }));
  node_->StartAfresh();
  EXPECT_EQ(node_->edge().stable(), one_);
  ASSERT_TRUE(Eventually([&] { return node_->edge().trial() == two; })) << node_->Get().last_error;
  EXPECT_EQ(node_->Get().bytes_downloaded, 0u);
}

TEST_F(UpdateFault, ReplacedCandidateIsRevertedBeforeTheNextOneStarts) {
  const VersionId two = hub_.Release(Trained(first_, 2));
  ASSERT_TRUE(Eventually([&] { return node_->edge().trial() == two; }));
  ASSERT_TRUE(hub_.rollout().Abort("a better one comes").ok());
  const VersionId three = hub_.Release(Trained(first_, 3));
  ASSERT_TRUE(Eventually([&] { return node_->edge().trial() == three; })) << node_->Get().last_error;
  EXPECT_TRUE(node_->edge().Called("revert", two));
}

}  // namespace
}  // namespace perennial::updater
