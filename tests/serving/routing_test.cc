#include "serving/routing.h"

#include <gtest/gtest.h>

namespace perennial::serving {
namespace {

ServedPtr Version(uint64_t version) {
  auto served = std::make_shared<Served>();
  served->version = VersionId{version};
  return served;
}

TEST(Routing, SharesFollowTheWeight) {
  const Routing routing{Version(1), Version(2), 50};
  int trial = 0;
  for (int i = 0; i < 20000; ++i) trial += routing.Pick("key-" + std::to_string(i)) == routing.candidate ? 1 : 0;
  // 1000 expected, standard deviation 31.
  EXPECT_NEAR(trial, 1000, 160);
}

TEST(Routing, AKeyStaysInTheTrialAsTheWeightGrows) {
  Routing routing{Version(1), Version(2), 50};
  std::vector<std::string> in_trial;
  for (int i = 0; i < 2000; ++i) {
    const std::string key = std::to_string(i);
    if (routing.Pick(key) == routing.candidate) in_trial.push_back(key);
  }
  ASSERT_FALSE(in_trial.empty());
  for (const uint32_t permille : {50u, 100u, 250u, 1000u}) {
    routing.permille = permille;
    for (const std::string& key : in_trial) EXPECT_EQ(routing.Pick(key), routing.candidate);
  }
}

TEST(Routing, DifferentCandidatesMeetDifferentKeys) {
  int both = 0, first = 0;
  for (int i = 0; i < 20000; ++i) {
    const bool a = TrialBucket(std::to_string(i), VersionId{7}) < 50;
    const bool b = TrialBucket(std::to_string(i), VersionId{8}) < 50;
    first += a ? 1 : 0;
    both += a && b ? 1 : 0;
  }
  EXPECT_GT(first, 0);
  EXPECT_LT(both, first / 4);
}

TEST(Routing, BucketsAreTheSameOnEveryNode) {
  // Golden: nodes of different builds must agree.
  EXPECT_LT(TrialBucket("", VersionId{0}), 1000u);
  EXPECT_EQ(TrialBucket("user-1", VersionId{2}), 323u);
}

TEST(Routing, ExtremesAndEmptySlots) {
  const Routing none{};
  EXPECT_EQ(none.Pick("x"), nullptr);
  const Routing only_candidate{nullptr, Version(2), 0};
  EXPECT_EQ(only_candidate.Pick("x"), only_candidate.candidate);
  const Routing halted{Version(1), Version(2), 0};
  const Routing full{Version(1), Version(2), 1000};
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(halted.Pick(std::to_string(i)), halted.stable);
    ASSERT_EQ(full.Pick(std::to_string(i)), full.candidate);
  }
  EXPECT_EQ(full.Find(VersionId{2}), full.candidate);
  EXPECT_EQ(full.Find(VersionId{3}), nullptr);
}

}  // namespace
}  // namespace perennial::serving
