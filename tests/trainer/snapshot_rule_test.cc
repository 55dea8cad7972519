#include "trainer/snapshot_rule.h"

#include <gtest/gtest.h>

#include "storage/base/rng.h"

namespace perennial::trainer {
namespace {

TEST(SnapshotRule, IsDueWhereTheClassesChangeAndNotForWhatIsKnown) {
  SnapshotRule rule(100, 1000);
  std::vector<uint64_t> due;
  for (uint64_t batch = 0; batch < 800; ++batch) {
    const int64_t first = batch < 300 ? 0 : batch < 600 ? 2 : 4;
    if (rule.Due(batch, {first, first + 1})) due.push_back(batch);
  }
  EXPECT_EQ(due, (std::vector<uint64_t>{300, 600}));
}

TEST(SnapshotRule, AClassThatWasAwayForTheWindowIsAChange) {
  SnapshotRule rule(10, 1000);
  std::vector<uint64_t> due;
  for (uint64_t batch = 0; batch < 100; ++batch) {
    if (rule.Due(batch, {batch < 50 || batch == 80 ? 0 : 1})) due.push_back(batch);
  }
  EXPECT_EQ(due, (std::vector<uint64_t>{50, 80}));
}

TEST(SnapshotRule, OnAStreamThatStaysAsItIsOneInTheLongest) {
  SnapshotRule rule(10, 70);
  std::vector<uint64_t> due;
  for (uint64_t batch = 0; batch < 300; ++batch) {
    if (rule.Due(batch, {0, 1, 2})) due.push_back(batch);
    EXPECT_FALSE(rule.Due(batch, {0, 1, 2})) << "another step on the same batch";
  }
  EXPECT_EQ(due, (std::vector<uint64_t>{70, 140, 210, 280}));
}

TEST(SnapshotRule, OnAnyStreamTheDistancesHoldAndACheckpointChangesNothing) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Rng rng(seed);
    const uint64_t window = 1 + rng.Below(30), longest = window + rng.Below(100);
    SnapshotRule rule(window, longest);
    uint64_t last = 0;
    for (uint64_t batch = 0; batch < 600; ++batch) {
      std::vector<int64_t> classes;
      for (uint64_t i = rng.Below(4); i > 0; --i) classes.push_back(static_cast<int64_t>(rng.Below(batch / 40 + 1)));
      if (rng.Chance(0.1)) {
        SnapshotRule resumed(window, longest);
        ASSERT_TRUE(resumed.Load(rule.Save()).ok());
        EXPECT_EQ(resumed.Save(), rule.Save());
        rule = resumed;
      }
      const bool due = rule.Due(batch, classes);
      if (due) {
        EXPECT_GE(batch - last, window) << "seed " << seed;
      }
      if (due) last = batch;
      EXPECT_LT(batch - last, longest) << "seed " << seed;
    }
  }
}

TEST(SnapshotRule, RefusesStatesThatCannotBe) {
  SnapshotRule rule(10, 70);
  for (uint64_t batch = 0; batch < 100; ++batch) (void)rule.Due(batch, {0});
  const std::string saved = rule.Save();
  for (size_t length = 0; length < saved.size(); ++length) {
    EXPECT_FALSE(SnapshotRule(10, 70).Load(saved.substr(0, length)).ok()) << length;
  }
  EXPECT_FALSE(SnapshotRule(10, 70).Load(std::string("\x01\x02\x01\x00", 4)).ok()) << "a snapshot in the future";
}

}  // namespace
}  // namespace perennial::trainer
