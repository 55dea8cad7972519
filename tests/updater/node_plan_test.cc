#include "updater/transport/node_plan.h"

#include <gtest/gtest.h>

#include "storage/kv/kv_store.h"

namespace perennial::transport {
namespace {

using Step = NodePlan::Step;

Hash256 ManifestOf(uint64_t version) {
  return version == 0 ? Hash256{} : Sha256("manifest " + std::to_string(version));
}

SlotEntry Entry(uint64_t version) {
  return {{version}, {version + 100}, Sha256("root " + std::to_string(version)), Sha256("arch"), ManifestOf(version)};
}

Head MakeHead(uint64_t stable, uint64_t candidate, uint32_t weight = 50) {
  Head head;
  head.rollout.stable = {stable};
  head.rollout.candidate = {candidate};
  head.rollout.weight_permille = candidate == 0 ? 0 : weight;
  head.stable_manifest = ManifestOf(stable);
  head.candidate_manifest = ManifestOf(candidate);
  return head;
}

class NodePlanTest : public ::testing::Test {
 protected:
  NodePlan Plan(const Head& head, uint32_t weight = 50) { return PlanNext(slots_, weight, head); }

  std::unique_ptr<kv::KvStore> kv_ = kv::OpenMemory(versions::VersionStore::Families());
  std::unique_ptr<versions::VersionStore> store_ = *versions::VersionStore::Open(*kv_);
  NodeSlots slots_ = *NodeSlots::Open(*store_);
};

TEST_F(NodePlanTest, EmptyNodeInstallsStableFirstAndCandidateAfter) {
  EXPECT_EQ(Plan(MakeHead(0, 0)).step, Step::kNothing);
  NodePlan plan = Plan(MakeHead(3, 4));
  EXPECT_EQ(plan.step, Step::kInstallStable);
  EXPECT_EQ(plan.version, VersionId{3});
  ASSERT_TRUE(slots_.Commit(Entry(3)).ok());
  plan = Plan(MakeHead(3, 4));
  EXPECT_EQ(plan.step, Step::kInstallTrial);
  EXPECT_EQ(plan.version, VersionId{4});
  EXPECT_EQ(plan.weight_permille, 50u);
}

TEST_F(NodePlanTest, RunningTrialIsPromotedReweightedOrEnded) {
  ASSERT_TRUE(slots_.Commit(Entry(3)).ok());
  ASSERT_TRUE(slots_.BeginTrial(Entry(4)).ok());
  EXPECT_EQ(Plan(MakeHead(3, 4)).step, Step::kNothing);
  EXPECT_EQ(Plan(MakeHead(3, 4, 250)).step, Step::kReweight);
  EXPECT_EQ(Plan(MakeHead(4, 0)).step, Step::kPromote);
  EXPECT_EQ(Plan(MakeHead(4, 5)).step, Step::kPromote);
  EXPECT_EQ(Plan(MakeHead(3, 0)).step, Step::kEndTrial);
  EXPECT_EQ(Plan(MakeHead(3, 5)).step, Step::kEndTrial);
  EXPECT_EQ(Plan(MakeHead(5, 0)).step, Step::kEndTrial);
}

TEST_F(NodePlanTest, SameNumbersWithOtherContentAreNotTheSame) {
  ASSERT_TRUE(slots_.Commit(Entry(3)).ok());
  Head head = MakeHead(3, 0);
  head.stable_manifest = Sha256("a twin's");
  EXPECT_EQ(Plan(head).step, Step::kRefuse);
}

TEST_F(NodePlanTest, VersionsOnlyGoForward) {
  ASSERT_TRUE(slots_.Commit(Entry(3)).ok());
  const NodePlan plan = Plan(MakeHead(2, 0));
  EXPECT_EQ(plan.step, Step::kRefuse);
  EXPECT_NE(plan.reason.find("older than version 3"), std::string::npos);
}

TEST_F(NodePlanTest, RefusedVersionsAreLeftAlone) {
  ASSERT_TRUE(slots_.Commit(Entry(3)).ok());
  ASSERT_TRUE(slots_.Refuse({{4}, ManifestOf(4), "not finite"}).ok());
  EXPECT_EQ(Plan(MakeHead(3, 4)).step, Step::kNothing);
  EXPECT_EQ(Plan(MakeHead(4, 0)).step, Step::kNothing);
  EXPECT_EQ(Plan(MakeHead(4, 5)).step, Step::kInstallTrial);
}

class NodeSlotsTest : public NodePlanTest {
 protected:
  NodeSlots Reopen() { return *NodeSlots::Open(*store_); }
};

TEST_F(NodeSlotsTest, EverythingIsThereAfterAReopen) {
  ASSERT_TRUE(slots_.Commit(Entry(1)).ok());
  ASSERT_TRUE(slots_.Commit(Entry(2)).ok());
  ASSERT_TRUE(slots_.BeginTrial(Entry(3)).ok());
  ASSERT_TRUE(slots_.SaveFence({7, 9}).ok());
  ASSERT_TRUE(slots_.Refuse({{8}, ManifestOf(8), "why"}).ok());
  const NodeSlots again = Reopen();
  EXPECT_EQ(again.stable(), Entry(2));
  EXPECT_EQ(again.last_good(), Entry(1));
  EXPECT_EQ(again.trial(), Entry(3));
  EXPECT_EQ(again.fence(), (HeadTracker::Fence{7, 9}));
  ASSERT_NE(again.Refused({8}, ManifestOf(8)), nullptr);
  EXPECT_EQ(again.Refused({8}, ManifestOf(8))->reason, "why");
  EXPECT_EQ(again.Residents(), (std::vector<SlotEntry>{Entry(2), Entry(3), Entry(1)}));
}

TEST_F(NodeSlotsTest, CommitOfTheTrialFlipsTheSlotsAndCanBeTakenBack) {
  ASSERT_TRUE(slots_.Commit(Entry(1)).ok());
  ASSERT_TRUE(slots_.BeginTrial(Entry(2)).ok());
  ASSERT_TRUE(slots_.Commit(Entry(2)).ok());
  EXPECT_EQ(slots_.stable(), Entry(2));
  EXPECT_FALSE(slots_.trial().has_value());
  ASSERT_TRUE(slots_.UndoCommit().ok());
  EXPECT_EQ(slots_.stable(), Entry(1));
  EXPECT_EQ(slots_.trial(), Entry(2));
  EXPECT_FALSE(slots_.UndoCommit().ok());
  EXPECT_EQ(Reopen().stable(), Entry(1));
}

TEST_F(NodeSlotsTest, TrialOnWhichTheProcessDiedTwiceIsRefused) {
  ASSERT_TRUE(slots_.Commit(Entry(1)).ok());
  for (int death = 1; death <= 2; ++death) {
    NodeSlots life = Reopen();
    ASSERT_TRUE(life.BeginBoot().ok());
    ASSERT_TRUE(life.EndBoot().ok());
    EXPECT_EQ(life.Refused({2}, ManifestOf(2)), nullptr) << death;
    ASSERT_TRUE(life.BeginTrial(Entry(2)).ok());  // and then it dies
  }
  NodeSlots life = Reopen();
  ASSERT_TRUE(life.BeginBoot().ok());
  ASSERT_NE(life.Refused({2}, ManifestOf(2)), nullptr);
  EXPECT_EQ(life.stable(), Entry(1));
}

TEST_F(NodeSlotsTest, OrderlyStopsDuringATrialAreNoDeaths) {
  ASSERT_TRUE(slots_.Commit(Entry(1)).ok());
  for (int run = 0; run < 5; ++run) {
    NodeSlots life = Reopen();
    ASSERT_TRUE(life.BeginBoot().ok());
    ASSERT_TRUE(life.EndBoot().ok());
    ASSERT_TRUE(life.BeginTrial(Entry(2)).ok());
    ASSERT_TRUE(life.MarkStopped().ok());
  }
  NodeSlots life = Reopen();
  ASSERT_TRUE(life.BeginBoot().ok());
  EXPECT_EQ(life.Refused({2}, ManifestOf(2)), nullptr);
}

TEST_F(NodeSlotsTest, StableVersionThatKillsTheProcessAtBootGivesWayToTheLastGoodOne) {
  ASSERT_TRUE(slots_.Commit(Entry(1)).ok());
  ASSERT_TRUE(slots_.Commit(Entry(2)).ok());
  for (int death = 0; death < 2; ++death) {
    NodeSlots life = Reopen();
    ASSERT_TRUE(life.BeginBoot().ok());
    EXPECT_EQ(life.stable(), Entry(2));  // and then it dies
  }
  NodeSlots life = Reopen();
  ASSERT_TRUE(life.BeginBoot().ok());
  EXPECT_EQ(life.stable(), Entry(1));
  EXPECT_NE(life.Refused({2}, ManifestOf(2)), nullptr);
}

TEST_F(NodeSlotsTest, DamagedSlotsAreToldAndNotGuessed) {
  ASSERT_TRUE(slots_.Commit(Entry(1)).ok());
  for (const char* name : {"A", "B", "node"}) {
    const std::optional<std::string> good = store_->Slot(name);
    if (!good.has_value()) continue;
    for (size_t size = 0; size < good->size(); ++size) {
      ASSERT_TRUE(store_->SetSlots({{name, good->substr(0, size)}}).ok());
      EXPECT_EQ(NodeSlots::Open(*store_).status().code(), Code::kCorruption) << name << " " << size;
    }
    ASSERT_TRUE(store_->SetSlots({{name, *good}}).ok());
  }
  EXPECT_TRUE(NodeSlots::Open(*store_).ok());
}

}  // namespace
}  // namespace perennial::transport
