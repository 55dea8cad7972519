#include <gtest/gtest.h>

#include "storage/base/rng.h"
#include "updater/transport/head.h"
#include "updater/transport/head_tracker.h"

namespace perennial::transport {
namespace {

constexpr int64_t kNow = 1'700'000'000'000'000;
using News = HeadTracker::News;

class HeadTest : public ::testing::Test {
 protected:
  Head MakeHead(uint64_t epoch, uint64_t revision, uint64_t sequence, uint64_t stable = 1) const {
    Head head;
    head.model_id = "default";
    head.rollout.epoch = epoch;
    head.rollout.revision = revision;
    head.rollout.stable = {stable};
    head.stable_manifest = Sha256("manifest " + std::to_string(stable));
    head.sequence = sequence;
    head.heartbeat_ms = 100;
    head.created_us = kNow;
    head.expires_us = kNow + 10'000'000;
    return head;
  }
  Result<News> Accept(const Head& head, int64_t wall_us = kNow) {
    return tracker_.Accept(SignHead(head, *signer_), wall_us, now_);
  }

  std::unique_ptr<trust::Signer> signer_ = trust::Signer::Generate();
  trust::Verifier verifier_{{signer_->public_key()}, 1};
  SteadyTime now_{std::chrono::seconds(1000)};
  HeadTracker tracker_{"default", verifier_, {}, now_};
};

TEST_F(HeadTest, ComesBackAsItWasAndOnlyWhole) {
  Head head = MakeHead(3, 4, 5);
  head.rollout.candidate = {2};
  head.rollout.weight_permille = 50;
  head.rollout.paused = true;
  const std::string bytes = head.Encode();
  EXPECT_EQ(*Head::Decode(bytes), head);
  for (size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(Head::Decode(bytes.substr(0, size)).ok()) << size;
  EXPECT_FALSE(Head::Decode(bytes + "x").ok());
}

TEST_F(HeadTest, OneFlippedBitAnywhereIsRefused) {
  const std::string good = SignHead(MakeHead(1, 1, 1), *signer_);
  ASSERT_TRUE(OpenHead(good, verifier_).ok());
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] ^= 0x10;
    EXPECT_FALSE(OpenHead(bad, verifier_).ok()) << i;
  }
}

TEST_F(HeadTest, AManifestSignatureIsNoHeadSignature) {
  const std::string bytes = MakeHead(1, 1, 1).Encode();
  const std::string wrong = signer_->Sign(trust::kManifestContext, bytes);
  EXPECT_EQ(OpenHead(bytes + signer_->public_key().Id() + wrong, verifier_).status().code(), Code::kPermissionDenied);
}

TEST_F(HeadTest, HeartbeatsAreFreshAndNewOrdersAreChanges) {
  EXPECT_EQ(*Accept(MakeHead(1, 1, 1)), News::kChanged);
  EXPECT_EQ(*Accept(MakeHead(1, 1, 2)), News::kFresh);
  EXPECT_EQ(*Accept(MakeHead(1, 2, 3, 2)), News::kChanged);
  EXPECT_EQ(tracker_.head()->rollout.stable, VersionId{2});
}

TEST_F(HeadTest, OlderEpochOrRevisionIsFenced) {
  ASSERT_TRUE(Accept(MakeHead(5, 7, 1)).ok());
  EXPECT_EQ(Accept(MakeHead(5, 6, 99)).status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(Accept(MakeHead(4, 900, 99)).status().code(), Code::kFailedPrecondition);
  EXPECT_TRUE(Accept(MakeHead(6, 0, 1)).ok());
  EXPECT_EQ(Accept(MakeHead(5, 8, 99)).status().code(), Code::kFailedPrecondition);
}

TEST_F(HeadTest, FenceHoldsOverARestart) {
  HeadTracker restarted("default", verifier_, {5, 7}, now_);
  EXPECT_FALSE(restarted.Accept(SignHead(MakeHead(5, 6, 1), *signer_), kNow, now_).ok());
  EXPECT_TRUE(restarted.Accept(SignHead(MakeHead(5, 7, 1), *signer_), kNow, now_).ok());
}

TEST_F(HeadTest, TwoHubsWithOneEpochAreTold) {
  ASSERT_TRUE(Accept(MakeHead(5, 7, 1, 1)).ok());
  const Status twin = Accept(MakeHead(5, 7, 2, 2)).status();
  EXPECT_EQ(twin.code(), Code::kFailedPrecondition);
  EXPECT_NE(twin.message().find("two hubs"), std::string::npos);
}

TEST_F(HeadTest, ExpiredAndForeignHeadsAreRefused) {
  EXPECT_EQ(Accept(MakeHead(1, 1, 1), kNow + 10'000'000).status().code(), Code::kDeadlineExceeded);
  Head foreign = MakeHead(1, 1, 1);
  foreign.model_id = "another";
  EXPECT_EQ(Accept(foreign).status().code(), Code::kInvalidArgument);
  EXPECT_FALSE(tracker_.head().has_value());
}

TEST_F(HeadTest, ReplayedHeadDoesNotHideASilentHub) {
  ASSERT_TRUE(Accept(MakeHead(1, 1, 4)).ok());
  now_ += std::chrono::milliseconds(250);
  EXPECT_EQ(*Accept(MakeHead(1, 1, 4)), News::kNothing);
  EXPECT_EQ(*Accept(MakeHead(1, 1, 3)), News::kNothing);
  EXPECT_FALSE(tracker_.Stale(now_));
  EXPECT_TRUE(tracker_.Stale(now_ + std::chrono::milliseconds(100)));
  EXPECT_EQ(*Accept(MakeHead(1, 1, 5)), News::kFresh);
  EXPECT_FALSE(tracker_.Stale(now_ + std::chrono::milliseconds(100)));
}

}  // namespace
}  // namespace perennial::transport
