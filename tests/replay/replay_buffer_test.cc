#include "replay/replay_buffer.h"

#include <gmock/gmock.h>

#include <set>

#include "tests/replay/replay_fixture.h"

namespace perennial::replay {
namespace {

using Policy = ReplayOptions::Policy;

class ReplayBufferTest : public testing::TestWithParam<Policy> {
 protected:
  ReplayBufferTest() { options_.policy = GetParam(); }
  std::unique_ptr<kv::KvStore> store_ = kv::OpenMemory(ReplayBuffer::Families());
  ReplayOptions options_;
  Rng rng_{1};
};
INSTANTIATE_TEST_SUITE_P(Policies, ReplayBufferTest, testing::Values(Policy::kReservoir, Policy::kClassBalanced));

TEST_P(ReplayBufferTest, KeepsEverythingWhileThereIsRoom) {
  options_.capacity = 10;
  const auto buffer = OpenBuffer(*store_, options_);
  uint64_t bytes = 0;
  for (uint64_t i = 0; i < 10; ++i) {
    buffer->Add(MakeExample(i, "a"), rng_);
    bytes += 8 + 1 + 1 + 7;
  }
  EXPECT_EQ(buffer->size(), 10U);
  EXPECT_EQ(buffer->bytes(), bytes);
  EXPECT_THAT(Contents(*buffer), testing::UnorderedElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
}

TEST_P(ReplayBufferTest, RespectsBothBudgetsOnARandomStream) {
  options_.capacity = 50;
  options_.capacity_bytes = 4000;
  const auto buffer = OpenBuffer(*store_, options_);
  Rng stream(2);
  size_t largest = 0;
  for (uint64_t i = 0; i < 3000; ++i) {
    buffer->Add(MakeExample(i, std::to_string(stream.Below(7)), "s", stream.Below(300)), rng_);
    ASSERT_LE(buffer->size(), 50U);
    ASSERT_LE(buffer->bytes(), 4000U);
    size_t in_partitions = 0;
    for (const auto& [key, size] : buffer->Partitions()) in_partitions += size;
    ASSERT_EQ(in_partitions, buffer->size());
    largest = std::max(largest, buffer->size());
  }
  EXPECT_GT(largest, 20U);
  EXPECT_GT(buffer->bytes(), 3000U);
}

TEST_P(ReplayBufferTest, DropsAnExampleLargerThanTheWholeBudget) {
  options_.capacity_bytes = 100;
  const auto buffer = OpenBuffer(*store_, options_);
  buffer->Add(MakeExample(0, "a"), rng_);
  buffer->Add(MakeExample(1, "b", "s", 101), rng_);
  EXPECT_THAT(Contents(*buffer), testing::ElementsAre(0));
}

TEST_P(ReplayBufferTest, DrawsWithoutReplacementAndShared) {
  const auto buffer = OpenBuffer(*store_, options_);
  for (uint64_t i = 0; i < 20; ++i) buffer->Add(MakeExample(i, "a"), rng_);
  for (const size_t count : {0, 1, 7, 20, 21, 500}) {
    const auto drawn = buffer->Draw(count, rng_).value();
    std::set<const Example*> different;
    for (const auto& item : drawn) different.insert(item.example.get());
    EXPECT_EQ(drawn.size(), std::min<size_t>(count, 20));
    EXPECT_EQ(different.size(), drawn.size());
  }
  Rng one(5), two(5);
  const std::vector<Drawn> drawn = buffer->Draw(7, one).value();
  const std::vector<Drawn> again = buffer->Draw(7, two).value();
  for (size_t i = 0; i < drawn.size(); ++i) {
    EXPECT_EQ(drawn[i].example, again[i].example);
    EXPECT_EQ(drawn[i].id, again[i].id);
  }
}

TEST_P(ReplayBufferTest, DrawsEveryExampleEquallyOftenAtEveryPlace) {
  const auto buffer = OpenBuffer(*store_, options_);
  constexpr size_t kHeld = 10;
  constexpr size_t kRounds = 20'000;
  for (uint64_t i = 0; i < kHeld; ++i) buffer->Add(MakeExample(i, "a"), rng_);
  std::vector<std::vector<int>> counts(4, std::vector<int>(kHeld));
  for (size_t round = 0; round < kRounds; ++round) {
    const auto drawn = buffer->Draw(4, rng_).value();
    for (size_t place = 0; place < 4; ++place) ++counts[place][drawn[place].example->offset.value];
  }
  // Binomial with p = 1/10: five standard deviations are 212.
  for (const auto& at_place : counts) {
    for (const int count : at_place) EXPECT_NEAR(count, kRounds / kHeld, 212);
  }
}

TEST_P(ReplayBufferTest, AnEvictedExampleLivesAsLongAsADrawHoldsIt) {
  options_.capacity = 1;
  const auto buffer = OpenBuffer(*store_, options_);
  buffer->Add(MakeExample(0, "a"), rng_);
  const auto drawn = buffer->Draw(1, rng_).value();
  for (uint64_t i = 1; i < 100; ++i) buffer->Add(MakeExample(i, std::to_string(i)), rng_);
  EXPECT_EQ(drawn[0].example->offset, Offset{0});
  EXPECT_EQ(drawn[0].example->label, "a");
}

TEST(ReplayNone, RemembersNothingAndSavesNothing) {
  const auto store = kv::OpenMemory(ReplayBuffer::Families());
  ReplayOptions options;
  options.policy = Policy::kNone;
  const auto buffer = OpenBuffer(*store, options);
  Rng rng(1);
  buffer->Add(MakeExample(0, "a"), rng);
  EXPECT_EQ(buffer->size(), 0U);
  EXPECT_TRUE(buffer->Draw(5, rng).value().empty());
  EXPECT_EQ(SaveBuffer(*buffer, *store), 0U);
  EXPECT_EQ(rng.Next(), Rng(1).Next()) << "no random numbers are used up";
}

TEST(ReplayOptionsTest, RefusesWhatCannotWork) {
  ReplayOptions none;
  none.policy = Policy::kNone;
  none.capacity = 0;
  EXPECT_TRUE(none.Validate().ok());
  ReplayOptions empty;
  empty.capacity = 0;
  EXPECT_EQ(empty.Validate().code(), Code::kInvalidArgument);
  ReplayOptions no_bytes;
  no_bytes.capacity_bytes = 0;
  EXPECT_FALSE(no_bytes.Validate().ok());
  ReplayOptions no_picture;
  no_picture.image_size = 0;
  EXPECT_FALSE(no_picture.Validate().ok());
  EXPECT_EQ(ReplayBuffer::Open(*kv::OpenMemory({"other"}), "main", {}).status().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace perennial::replay
