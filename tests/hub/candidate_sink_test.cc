#include "api/hub/candidate_sink.h"

#include <gtest/gtest.h>

#include "api/event_hub.h"
#include "storage/kv/kv_store.h"
#include "updater/publisher.h"
#include "updater/trust/signer.h"

namespace perennial::hub {
namespace {

format::VersionImage Image(float value, uint64_t trained_until) {
  format::VersionImage image;
  image.labels = {"good", "scratch"};
  image.slices = {"default"};
  image.trained_until = trained_until;
  format::TensorRecord bias;
  bias.name = "head.bias";
  bias.kind = format::TensorKind::kFloat32;
  bias.shape = {2};
  bias.values = {value, 0.5f};
  image.tensors.push_back(std::move(bias));
  return image;
}

trainer::Candidate Made(float value, uint64_t steps) {
  trainer::Candidate candidate;
  candidate.image = Image(value, 10 * steps);
  candidate.report.steps = steps;
  candidate.report.trained_until = 10 * steps;
  candidate.accepted = true;
  candidate.flips.known = true;
  candidate.flips.compared = 10;
  candidate.flips.lost = 1;
  candidate.flips.listed.push_back({7, "seven", "default", "good", "good", "scratch"});
  return candidate;
}

// The sink over real stores, publisher and rollout.
class SinkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::vector<std::string> families = versions::VersionStore::Families();
    for (const std::string& family : api::EvaluationJournal::Families()) families.push_back(family);
    store_ = kv::OpenMemory(families);
    versions_ = versions::VersionStore::Open(*store_).value();
    journal_ = api::EvaluationJournal::Open(*store_, 100).value();
    signer_ = trust::Signer::Generate();
    publisher_ = updater::Publisher::Open(*versions_, *signer_, {}, clock_).value();
    rollout_ = updater::RolloutController::Open(*versions_, {}, clock_, [](const updater::RolloutState&) {}).value();
    releaser_ = std::make_unique<api::Releaser>(*publisher_, *versions_, *rollout_, events_, api::ReleaserOptions{});
    sink_ = MakeSink(false);
  }
  std::unique_ptr<ReleasingSink> MakeSink(bool instant_trial) {
    return std::make_unique<ReleasingSink>(*releaser_, *rollout_, *versions_, *journal_, instant_trial);
  }
  SystemClock clock_;
  std::unique_ptr<kv::KvStore> store_;
  std::unique_ptr<versions::VersionStore> versions_;
  std::unique_ptr<api::EvaluationJournal> journal_;
  std::unique_ptr<trust::Signer> signer_;
  std::unique_ptr<updater::Publisher> publisher_;
  std::unique_ptr<updater::RolloutController> rollout_;
  api::EventHub events_{100, 1, clock_};
  std::unique_ptr<api::Releaser> releaser_;
  std::unique_ptr<ReleasingSink> sink_;
};

// Finding: a kill between the publication and the trainer's checkpoint published the same state twice.
TEST_F(SinkTest, TheSameStateIsNotPublishedTwice) {
  ASSERT_EQ(sink_->Offer(Made(1, 100), false).value(), VersionId{1});
  ASSERT_EQ(sink_->Offer(Made(2, 200), false).value(), VersionId{2});
  ASSERT_TRUE(rollout_->TrialRunning());
  // The trainer comes to step 200 again, with what it compared with then.
  EXPECT_EQ(sink_->PredecessorOf({200, 2000}).version, VersionId{1});
  EXPECT_EQ(sink_->PredecessorOf({200, 2000}).image->tensors[0].values[0], 1.0f);
  EXPECT_EQ(sink_->Offer(Made(2, 200), false).value(), VersionId{2});
  EXPECT_EQ(versions_->List().size(), 2u);
  // The state that follows is another one.
  EXPECT_EQ(sink_->PredecessorOf({300, 3000}).version, VersionId{2});
  ASSERT_TRUE(rollout_->Promote("test").ok());
  EXPECT_EQ(sink_->Offer(Made(3, 300), false).value(), VersionId{3});
}

// Between the two neither a step was taken nor the place in the log moved.
TEST_F(SinkTest, WhatIsMadeAfterASourceWasForgottenIsAnotherVersion) {
  ASSERT_EQ(sink_->Offer(Made(1, 100), false).value(), VersionId{1});
  trainer::Candidate after = Made(2, 100);
  after.report.forgotten_until = 1001;
  EXPECT_EQ(sink_->PredecessorOf(trainer::TrainedState::Of(after.report)).version, VersionId{1});
  EXPECT_EQ(sink_->Offer(after, false).value(), VersionId{2});
  EXPECT_EQ(sink_->Offer(after, false).value(), VersionId{2});
  EXPECT_EQ(versions_->List().size(), 2u);
}

TEST_F(SinkTest, TheSameFirstVersionHasNoPredecessor) {
  ASSERT_EQ(sink_->Offer(Made(1, 100), false).value(), VersionId{1});
  EXPECT_EQ(sink_->PredecessorOf({100, 1000}).version, VersionId{0});
  EXPECT_EQ(sink_->PredecessorOf({100, 1000}).image, nullptr);
  EXPECT_EQ(sink_->Offer(Made(1, 100), false).value(), VersionId{1});
}

TEST_F(SinkTest, WhatWasRolledBackIsNoPredecessorAndNotOfferedAgain) {
  ASSERT_TRUE(sink_->Offer(Made(1, 100), false).ok());
  ASSERT_TRUE(sink_->Offer(Made(2, 200), false).ok());
  ASSERT_TRUE(rollout_->Abort("it breaks things").ok());
  EXPECT_EQ(sink_->PredecessorOf({300, 3000}).version, VersionId{1});
  const auto again = sink_->Offer(Made(2, 200), true);
  EXPECT_EQ(again.status().code(), Code::kFailedPrecondition);
  EXPECT_NE(again.status().message().find("rolled back"), std::string::npos) << again.status().ToString();
  EXPECT_EQ(versions_->List().size(), 2u);
}

TEST_F(SinkTest, AnOperatorsRollbackIsWhatTheNextCandidateFollows) {
  for (const float value : {1.0f, 2.0f}) {
    ASSERT_TRUE(sink_->Offer(Made(value, 100 * static_cast<uint64_t>(value)), false).ok());
    if (rollout_->TrialRunning()) {
      ASSERT_TRUE(rollout_->Promote("test").ok());
    }
  }
  ASSERT_EQ(releaser_->RollBack(VersionId{1}, "test").value(), VersionId{3});
  const auto predecessor = sink_->PredecessorOf({300, 3000});
  EXPECT_EQ(predecessor.version, VersionId{3});
  ASSERT_NE(predecessor.image, nullptr);
  EXPECT_EQ(predecessor.image->tensors[0].values[0], 1.0f);
}

TEST_F(SinkTest, KeepsTheFlipsWithTheVersion) {
  ASSERT_TRUE(sink_->Offer(Made(1, 100), false).ok());
  const auto flips = journal_->Flips(VersionId{1});
  ASSERT_TRUE(flips.ok() && flips->has_value());
  EXPECT_EQ((*flips)->compared, 10u);
  EXPECT_DOUBLE_EQ((*flips)->negative_flip_rate, 0.1);
  ASSERT_EQ((*flips)->listed.size(), 1u);
  EXPECT_EQ((*flips)->listed[0].id, "seven");
}

trainer::Candidate HeadOnly(float value, uint64_t steps) {
  trainer::Candidate candidate = Made(value, steps);
  candidate.report.head_only = true;
  candidate.report.head_samples = 5;
  return candidate;
}

TEST_F(SinkTest, AHeadOnlyVersionIsStableAtOnceAndIsNotTheNetworksCandidate) {
  ASSERT_TRUE(sink_->Offer(Made(1, 100), false).ok());
  // Of one state of the trainer come two heads, then the network's own candidate.
  EXPECT_EQ(sink_->Offer(HeadOnly(1.5f, 200), false).value(), VersionId{2});
  EXPECT_FALSE(rollout_->TrialRunning());
  EXPECT_EQ(rollout_->State().stable, VersionId{2});
  EXPECT_EQ(sink_->Offer(HeadOnly(1.75f, 200), false).value(), VersionId{3});
  EXPECT_EQ(sink_->PredecessorOf({200, 2000}).version, VersionId{3});
  EXPECT_EQ(sink_->Offer(Made(2, 200), false).value(), VersionId{4});
  EXPECT_TRUE(rollout_->TrialRunning());
  ASSERT_TRUE(rollout_->Promote("test").ok());
  // A head after it, then a kill: the trainer comes to step 200 again.
  EXPECT_EQ(sink_->Offer(HeadOnly(2.5f, 200), false).value(), VersionId{5});
  EXPECT_EQ(sink_->Offer(Made(2, 200), false).value(), VersionId{4}) << "it is published already";
  EXPECT_EQ(versions_->List().size(), 5u);
}

TEST_F(SinkTest, AHeadOnlyVersionGoesOnTrialWhereThatIsAskedFor) {
  ASSERT_TRUE(sink_->Offer(Made(1, 100), false).ok());
  const auto sink = MakeSink(true);
  ASSERT_TRUE(sink->Offer(HeadOnly(1.5f, 200), false).ok());
  EXPECT_TRUE(rollout_->TrialRunning());
  EXPECT_EQ(rollout_->State().stable, VersionId{1});
}

}  // namespace
}  // namespace perennial::hub
