#include "updater/rollout.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/updater/support/hub_and_node.h"
#include "updater/object_maker.h"
#include "updater/rollout_record.h"
#include "updater/trial_evidence.h"

namespace perennial::updater {
namespace {

using versions::VersionFate;

class RolloutTest : public ::testing::Test {
 protected:
  void SetUp() override {
    store_ = *versions::VersionStore::Open(*kv_);
    Open();
  }
  void Open() {
    rollout_.reset();
    rollout_ = *RolloutController::Open(*store_, options_, clock_, [this](const RolloutState& state) {
      // What the listener hears is on disk already.
      const RolloutRecord stored = *RolloutRecord::Decode(*store_->Slot("rollout"));
      EXPECT_GE(stored.state.revision, state.revision);
      ++heard_;
    });
  }
  VersionId Publish(uint64_t seed) {
    const format::VersionImage image = MakeImage(seed, 1);
    const MadeObject snapshot = *MakeSnapshotObject(image, 4096);
    format::Manifest manifest;
    manifest.model_id = "default";
    manifest.version = store_->NextVersion();
    manifest.target_root = image.Root();
    manifest.architecture = image.spec.ArchitectureHash();
    manifest.objects = {snapshot.ref};
    std::vector<std::string> chunks;
    AppendChunks(snapshot, chunks);
    EXPECT_TRUE(store_->Publish({manifest.Encode(), {}}, "{}", chunks).ok());
    return manifest.version;
  }
  void StartTrial() {
    one_ = Publish(1);
    ASSERT_TRUE(rollout_->Start(one_).ok());
    two_ = Publish(2);
    ASSERT_TRUE(rollout_->Start(two_).ok());
  }
  VersionFate Fate(VersionId version) { return store_->Get(version)->fate; }

  ManualClock clock_;
  CanaryOptions options_;
  std::unique_ptr<kv::KvStore> kv_ = kv::OpenMemory(versions::VersionStore::Families());
  std::unique_ptr<versions::VersionStore> store_;
  std::unique_ptr<RolloutController> rollout_;
  std::atomic<int> heard_{0};
  VersionId one_, two_;
};

TEST_F(RolloutTest, FirstVersionIsStableAtOnceLaterOnesGoOnTrial) {
  StartTrial();
  const RolloutState state = rollout_->State();
  EXPECT_EQ(state.stable, one_);
  EXPECT_EQ(state.candidate, two_);
  EXPECT_EQ(state.weight_permille, 50u);
  EXPECT_EQ(heard_, 2);
  EXPECT_EQ(Fate(one_), VersionFate::kStable);
  EXPECT_EQ(Fate(two_), VersionFate::kCanary);
  EXPECT_EQ(rollout_->Start(Publish(3)).code(), Code::kFailedPrecondition);
}

TEST_F(RolloutTest, UnknownOrStableVersionsCannotStart) {
  EXPECT_EQ(rollout_->Start({99}).code(), Code::kNotFound);
  const VersionId one = Publish(1);
  ASSERT_TRUE(rollout_->Start(one).ok());
  EXPECT_EQ(rollout_->Start(one).code(), Code::kFailedPrecondition);
}

TEST_F(RolloutTest, EvidenceOfAllNodesTogetherPromotes) {
  StartTrial();
  rollout_->OnEvidence("a", {Arm(one_, 500), Arm(two_, 25)});
  rollout_->Tick();
  EXPECT_TRUE(rollout_->TrialRunning());
  rollout_->OnEvidence("b", {Arm(one_, 500), Arm(two_, 25)});
  rollout_->Tick();
  EXPECT_EQ(rollout_->State().stable, two_);
  EXPECT_EQ(Fate(two_), VersionFate::kStable);
  EXPECT_EQ(Fate(one_), VersionFate::kRetired);
  EXPECT_EQ(rollout_->History().back().kind, "promoted");
}

TEST_F(RolloutTest, RepeatedReportsAreNotCountedTwice) {
  StartTrial();
  for (int i = 0; i < 100; ++i) rollout_->OnEvidence("a", {Arm(one_, 500), Arm(two_, 10)});
  rollout_->Tick();
  EXPECT_TRUE(rollout_->TrialRunning());
}

TEST_F(RolloutTest, BadEvidenceRollsBackAndTheFateSaysWhy) {
  StartTrial();
  rollout_->OnEvidence("a", {Arm(one_, 500), Arm(two_, 30, 30)});
  rollout_->Tick();
  EXPECT_EQ(rollout_->State().stable, one_);
  EXPECT_FALSE(rollout_->TrialRunning());
  EXPECT_EQ(Fate(two_), VersionFate::kRolledBack);
  EXPECT_NE(store_->Get(two_)->reason.find("error rate"), std::string::npos);
}

TEST_F(RolloutTest, NodeThatRefusesTheCandidateEndsTheTrial) {
  StartTrial();
  rollout_->OnRefused("a", {77}, "another version");
  rollout_->Tick();
  EXPECT_TRUE(rollout_->TrialRunning());
  rollout_->OnRefused("a", two_, "warm-up failed");
  rollout_->Tick();
  EXPECT_FALSE(rollout_->TrialRunning());
  EXPECT_NE(rollout_->History().back().reason.find("node a refused it: warm-up failed"), std::string::npos);
}

TEST_F(RolloutTest, ANodesWordsAreMadePlainBeforeAnyoneSeesThem) {
  StartTrial();
  rollout_->OnRefused("a", two_, "bad\n2026 I forged line\x1b[2J\xff " + std::string(100'000, 'x'));
  rollout_->Tick();
  const std::string reason = rollout_->History().back().reason;
  EXPECT_TRUE(reason.starts_with("node a refused it: bad 2026 I forged line [2J? xxx")) << reason;
  EXPECT_LE(reason.size(), 300u);
  EXPECT_EQ(store_->Get(two_)->reason, reason);
}

TEST_F(RolloutTest, DeadlineRollsBackAsInconclusive) {
  StartTrial();
  clock_.Advance(options_.deadline - std::chrono::seconds(1));
  rollout_->Tick();
  EXPECT_TRUE(rollout_->TrialRunning());
  clock_.Advance(std::chrono::seconds(1));
  rollout_->Tick();
  EXPECT_FALSE(rollout_->TrialRunning());
  EXPECT_NE(rollout_->History().back().reason.find("inconclusive"), std::string::npos);
}

TEST_F(RolloutTest, PausedTrialHoldsWhateverTheEvidence) {
  StartTrial();
  ASSERT_TRUE(rollout_->Pause(true).ok());
  rollout_->OnEvidence("a", {Arm(one_, 500), Arm(two_, 30, 30)});
  rollout_->Tick();
  EXPECT_TRUE(rollout_->TrialRunning());
  ASSERT_TRUE(rollout_->Pause(false).ok());
  rollout_->Tick();
  EXPECT_FALSE(rollout_->TrialRunning());
}

TEST_F(RolloutTest, RestartInMidTrialGoesOnWithAGreaterEpochAndTheSameAge) {
  StartTrial();
  const RolloutState before = rollout_->State();
  clock_.Advance(options_.deadline / 2);
  Open();
  const RolloutState after = rollout_->State();
  EXPECT_GT(after.epoch, before.epoch);
  EXPECT_EQ(after.stable, one_);
  EXPECT_EQ(after.candidate, two_);
  EXPECT_EQ(rollout_->History().size(), 2u);
  rollout_->OnEvidence("a", {Arm(one_, 500), Arm(two_, 10)});
  rollout_->Tick();
  EXPECT_TRUE(rollout_->TrialRunning());
  clock_.Advance(options_.deadline / 2);
  rollout_->Tick();
  EXPECT_FALSE(rollout_->TrialRunning());
}

TEST_F(RolloutTest, EpochGrowsAlsoWhenTheClockStandsStillOrGoesBack) {
  const uint64_t first = rollout_->State().epoch;
  Open();
  const uint64_t second = rollout_->State().epoch;
  EXPECT_GT(second, first);
  clock_.JumpWall(-int64_t{10} * 365 * 86'400 * 1'000'000);
  Open();
  EXPECT_GT(rollout_->State().epoch, second);
}

TEST_F(RolloutTest, FatesThatACrashLeftBehindAreMended) {
  StartTrial();
  ASSERT_TRUE(rollout_->Promote("by hand").ok());
  ASSERT_TRUE(store_->SetFate(one_, VersionFate::kStable, "").ok());
  ASSERT_TRUE(store_->SetFate(two_, VersionFate::kCanary, "").ok());
  Open();
  EXPECT_EQ(Fate(one_), VersionFate::kRetired);
  EXPECT_EQ(Fate(two_), VersionFate::kStable);
}

TEST_F(RolloutTest, VerbsWithoutATrialSaySo) {
  EXPECT_EQ(rollout_->Promote("x").code(), Code::kFailedPrecondition);
  EXPECT_EQ(rollout_->Abort("x").code(), Code::kFailedPrecondition);
  EXPECT_EQ(rollout_->Pause(true).code(), Code::kFailedPrecondition);
  EXPECT_EQ(rollout_->SetWeight(10).code(), Code::kFailedPrecondition);
  EXPECT_EQ(rollout_->SetWeight(1001).code(), Code::kInvalidArgument);
  EXPECT_EQ(heard_, 0);
}

TEST_F(RolloutTest, PromoteAndAbortInARaceGiveOneDecidedVersion) {
  one_ = Publish(1);
  ASSERT_TRUE(rollout_->Start(one_).ok());
  VersionId stable = one_;
  for (uint64_t round = 0; round < 20; ++round) {
    const VersionId candidate = Publish(10 + round);
    ASSERT_TRUE(rollout_->Start(candidate).ok());
    std::atomic<int> promoted{0}, aborted{0};
    std::thread promote([&] { promoted += rollout_->Promote("race").ok() ? 1 : 0; });
    std::thread abort([&] { aborted += rollout_->Abort("race").ok() ? 1 : 0; });
    std::thread tick([&] { rollout_->Tick(); });
    promote.join();
    abort.join();
    tick.join();
    ASSERT_EQ(promoted + aborted, 1);
    if (promoted == 1) stable = candidate;
    EXPECT_EQ(rollout_->State().stable, stable);
    EXPECT_EQ(RolloutRecord::Decode(*store_->Slot("rollout"))->state, rollout_->State());
  }
}

TEST(RolloutRecord, ComesBackAndIsRefusedWhenCut) {
  RolloutRecord record;
  record.state = {3, 4, {5}, {6}, 50, true};
  record.trial_started_us = 77;
  record.history = {{1, "stable", {5}, "first"}, {2, "trial_started", {6}, ""}};
  const std::string bytes = record.Encode();
  EXPECT_EQ(*RolloutRecord::Decode(bytes), record);
  for (size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(RolloutRecord::Decode(bytes.substr(0, size)).ok());
}

TEST(RolloutRecord, KeepsTheNewestOfALongHistory) {
  RolloutRecord record;
  for (int64_t i = 0; i < 1000; ++i) record.history.push_back({i, "promoted", {1}, "x"});
  const RolloutRecord back = *RolloutRecord::Decode(record.Encode());
  ASSERT_EQ(back.history.size(), kMaxHistory);
  EXPECT_EQ(back.history.back().time_us, 999);
}

TEST(TrialEvidence, NodeThatRestartsKeepsWhatItCountedBefore) {
  TrialEvidence evidence;
  evidence.Reset({1}, {2});
  evidence.Add("a", {Arm({1}, 100), Arm({2}, 10, 1)});
  evidence.Add("a", {Arm({1}, 3), Arm({2}, 2)});
  EXPECT_EQ(evidence.Candidate().requests, 12u);
  EXPECT_EQ(evidence.Candidate().errors, 1u);
  EXPECT_EQ(evidence.Stable().requests, 103u);
}

TEST(TrialEvidence, OnlyNodesThatRunTheCandidateAreTheControl) {
  TrialEvidence evidence;
  evidence.Reset({1}, {2});
  evidence.Add("a", {Arm({1}, 100)});
  evidence.Add("b", {Arm({1}, 50), Arm({2}, 5), Arm({9}, 7)});
  EXPECT_EQ(evidence.Stable().requests, 50u);
  EXPECT_EQ(evidence.Candidate().requests, 5u);
}

}  // namespace
}  // namespace perennial::updater
