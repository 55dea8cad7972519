#include <cmath>
#include <map>

#include "tests/replay/replay_fixture.h"

namespace perennial::replay {
namespace {

using Policy = ReplayOptions::Policy;

ReplayOptions Options(Policy policy, uint64_t capacity) {
  ReplayOptions options;
  options.policy = policy;
  options.capacity = capacity;
  return options;
}

// How often each of 40 stream positions is held in the end, over many seeds.
std::vector<int> HeldCounts(const ReplayOptions& options, int rounds, const std::string& label_of_all) {
  const auto store = kv::OpenMemory(ReplayBuffer::Families());
  std::vector<int> counts(40);
  for (int round = 0; round < rounds; ++round) {
    const auto buffer = OpenBuffer(*store, options);
    Rng rng(static_cast<uint64_t>(round));
    for (uint64_t i = 0; i < counts.size(); ++i) buffer->Add(MakeExample(i, label_of_all), rng);
    for (const uint64_t offset : Contents(*buffer)) ++counts[offset];
  }
  return counts;
}

TEST(Reservoir, HoldsEveryPositionOfTheStreamWithEqualChances) {
  // Binomial with p = 10/40: five standard deviations of 4000 rounds are 137.
  for (const int count : HeldCounts(Options(Policy::kReservoir, 10), 4000, "a")) EXPECT_NEAR(count, 1000, 137);
}

TEST(ClassBalanced, IsAPlainReservoirWhenThereIsOnePartition) {
  for (const int count : HeldCounts(Options(Policy::kClassBalanced, 10), 4000, "a")) EXPECT_NEAR(count, 1000, 137);
}

TEST(ClassBalanced, KeepsRarePartitionsWholeAndTheOthersEqual) {
  const auto store = kv::OpenMemory(ReplayBuffer::Families());
  ReplayOptions options = Options(Policy::kClassBalanced, 100);
  options.partition = ReplayOptions::Partition::kLabel;
  const auto buffer = OpenBuffer(*store, options);
  Rng rng(3);
  Rng stream(4);
  uint64_t rare = 0;
  for (uint64_t i = 0; i < 20'000; ++i) {
    // Shares of about 90 %, 9 % and 1 %, and twelve of one kind.
    const double draw = stream.Uniform();
    std::string label = draw < 0.9 ? "common" : draw < 0.99 ? "seldom" : "rare";
    if (i % 1700 == 5) label = "very rare", ++rare;
    buffer->Add(MakeExample(i, label), rng);
  }
  EXPECT_EQ(SizeOf(*buffer, "very rare"), rare);
  for (const char* label : {"common", "seldom", "rare"}) {
    EXPECT_NEAR(static_cast<double>(SizeOf(*buffer, label)), (100.0 - static_cast<double>(rare)) / 3, 1.0) << label;
  }
}

TEST(ClassBalanced, EachLargePartitionIsAUniformSampleOfItsStream) {
  const auto store = kv::OpenMemory(ReplayBuffer::Families());
  ReplayOptions options = Options(Policy::kClassBalanced, 20);
  options.partition = ReplayOptions::Partition::kLabel;
  constexpr int kRounds = 3000;
  std::map<bool, std::vector<int>> counts{{false, std::vector<int>(200)}, {true, std::vector<int>(200)}};
  for (int round = 0; round < kRounds; ++round) {
    const auto buffer = OpenBuffer(*store, options);
    Rng rng(static_cast<uint64_t>(round));
    // Two labels one after the other, as a stream of tasks brings them.
    for (uint64_t i = 0; i < 400; ++i) buffer->Add(MakeExample(i, i < 200 ? "first" : "second"), rng);
    EXPECT_EQ(SizeOf(*buffer, "first"), 10U);
    for (const uint64_t offset : Contents(*buffer)) ++counts[offset >= 200][offset % 200];
  }
  // Ten of 200 each: 150 expected, five standard deviations are 60.
  for (const auto& [second, held] : counts) {
    for (const int count : held) EXPECT_NEAR(count, kRounds * 10 / 200, 60);
  }
}

TEST(ClassBalanced, PartitionsByTheChosenRule) {
  const std::map<ReplayOptions::Partition, std::vector<std::string>> expected = {
      {ReplayOptions::Partition::kLabel, {"yes"}},
      {ReplayOptions::Partition::kLabelAndSource, {"yes | left", "yes | right"}},
      {ReplayOptions::Partition::kLabelAndSlice, {"yes | default"}}};
  for (const auto& [rule, keys] : expected) {
    const auto store = kv::OpenMemory(ReplayBuffer::Families());
    ReplayOptions options;
    options.partition = rule;
    const auto buffer = OpenBuffer(*store, options);
    Rng rng(1);
    buffer->Add(MakeExample(0, "yes", "left"), rng);
    buffer->Add(MakeExample(1, "yes", "right"), rng);
    std::vector<std::string> found;
    for (const auto& [key, size] : buffer->Partitions()) found.push_back(key);
    EXPECT_EQ(found, keys);
  }
}

// Ten thousand partitions of one example: an operation that looked at all of them would take minutes here.
TEST(ClassBalanced, CopesWithVeryManyPartitions) {
  const auto store = kv::OpenMemory(ReplayBuffer::Families());
  const auto buffer = OpenBuffer(*store, Options(Policy::kClassBalanced, 10'000));
  Rng rng(1);
  for (uint64_t i = 0; i < 100'000; ++i) buffer->Add(MakeExample(i, std::to_string(i % 20'000)), rng);
  EXPECT_EQ(buffer->size(), 10'000U);
}

}  // namespace
}  // namespace perennial::replay
