#include "serving/monitor/answer_memory.h"

#include <gtest/gtest.h>

#include <map>

#include "storage/base/rng.h"

namespace perennial::monitor {
namespace {

ArmPtr Of(uint64_t version) { return std::make_shared<Arm>(VersionId{version}); }

TEST(AnswerMemory, GivesAnAnswerBackOnce) {
  AnswerMemory memory(4);
  memory.Remember("edge-1:7", {Of(3), "scratch", 0.5f, false});
  const auto answer = memory.Take("edge-1:7");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->arm->version(), VersionId{3});
  EXPECT_EQ(answer->label, "scratch");
  EXPECT_FALSE(memory.Take("edge-1:7"));
  EXPECT_FALSE(memory.Take("never"));
}

TEST(AnswerMemory, ForgetsTheOldestBeyondItsCapacity) {
  AnswerMemory memory(3);
  for (int i = 0; i < 5; ++i) memory.Remember(std::to_string(i), {Of(1), "", 0, false});
  EXPECT_EQ(memory.size(), 3u);
  EXPECT_FALSE(memory.Take("1"));
  EXPECT_TRUE(memory.Take("2"));
  EXPECT_TRUE(memory.Take("4"));
}

TEST(AnswerMemory, AReusedIdMeansItsNewestAnswer) {
  AnswerMemory memory(2);
  memory.Remember("a", {Of(1), "old", 0, false});
  memory.Remember("a", {Of(2), "new", 0, false});
  memory.Remember("b", {Of(2), "b", 0, false});
  EXPECT_EQ(memory.Take("a")->label, "new");
  EXPECT_TRUE(memory.Take("b"));
}

TEST(AnswerMemory, NeverExceedsItsCapacityNorMixesAnswersUp) {
  Rng rng(11);
  AnswerMemory memory(16);
  std::map<std::string, uint64_t> newest;
  for (uint64_t i = 1; i < 5000; ++i) {
    const std::string id = std::to_string(rng.Below(40));
    if (rng.Chance(0.3)) {
      if (const auto answer = memory.Take(id)) {
        ASSERT_EQ(answer->arm->version().value, newest[id]);
      }
    } else {
      memory.Remember(id, {Of(i), "", 0, false});
      newest[id] = i;
    }
    ASSERT_LE(memory.size(), 16u);
  }
}

}  // namespace
}  // namespace perennial::monitor
