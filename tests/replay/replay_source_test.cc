// Limits on what one source may have of the memory and of a draw.
#include <algorithm>
#include <map>

#include "replay/source_use.h"
#include "tests/replay/replay_fixture.h"

namespace perennial::replay {
namespace {

using Policy = ReplayOptions::Policy;

ReplayOptions Options(Policy policy, uint64_t capacity, double share) {
  ReplayOptions options;
  options.policy = policy;
  options.capacity = capacity;
  options.source_share = share;
  return options;
}

struct Held {
  std::map<std::string, uint64_t> examples, bytes;
};
Held HeldOf(ReplayBuffer& buffer) {
  Held held;
  Rng rng(1);
  const std::vector<Drawn> all = buffer.Draw(buffer.size(), rng).value();
  EXPECT_EQ(all.size(), buffer.size());
  for (const Drawn& drawn : all) {
    const Example& example = *drawn.example;
    ++held.examples[example.source];
    held.bytes[example.source] +=
        example.text.size() + example.label.size() + example.source.size() + example.slice.size();
  }
  return held;
}

TEST(SourceUse, CountsAndComparesWithItsLimits) {
  SourceUse use({.examples = 2, .bytes = 100});
  const SourceUse::Pin first(use, "a"), second(use, "b"), same(use, "a");
  const uint32_t a = first.number(), b = second.number();
  EXPECT_EQ(same.number(), a);
  EXPECT_NE(a, b);
  EXPECT_TRUE(use.Fits(a, 100));
  EXPECT_FALSE(use.Fits(a, 101));
  use.Add(a, 60);
  EXPECT_FALSE(use.Fits(a, 41));
  EXPECT_TRUE(use.Fits(b, 41));
  use.Add(a, 1);
  EXPECT_FALSE(use.Fits(a, 1));
  EXPECT_FALSE(use.IsOver(a));
  use.Add(a, 1);
  EXPECT_TRUE(use.IsOver(a));
  use.Remove(a, 60);
  EXPECT_EQ(use.examples(a), 2u);
  EXPECT_FALSE(use.IsOver(a));
}

TEST(SourceShare, HoldsAfterEveryAddWhateverThePolicyAndIsSaved) {
  for (const Policy policy : {Policy::kReservoir, Policy::kClassBalanced}) {
    for (uint64_t seed = 1; seed <= 5; ++seed) {
      const auto store = kv::OpenMemory(ReplayBuffer::Families());
      ReplayOptions options = Options(policy, 40, 0.3);
      options.capacity_bytes = 1200;
      auto buffer = OpenBuffer(*store, options), twin = OpenBuffer(*store, options, "twin");
      Rng stream(seed), rng(seed), twin_rng(seed);
      for (uint64_t i = 0; i < 600; ++i) {
        const std::string source = stream.Chance(0.7) ? "loud" : std::to_string(stream.Below(4));
        const Example example = MakeExample(i, std::to_string(stream.Below(5)), source, 1 + stream.Below(60));
        buffer->Add(example, rng);
        twin->Add(example, twin_rng);
        if (i % 20 != 0) continue;
        for (const auto& [name, count] : HeldOf(*buffer).examples) EXPECT_LE(count, 12u) << name;
        for (const auto& [name, bytes] : HeldOf(*buffer).bytes) EXPECT_LE(bytes, 360u) << name;
        SaveBuffer(*buffer, *store);
        buffer = OpenBuffer(*store, options);
      }
      EXPECT_EQ(Contents(*buffer), Contents(*twin)) << "seed " << seed;
    }
  }
}

TEST(SourceShare, ALoneSourceAtItsLimitIsAUniformSampleOfWhatItSent) {
  const auto store = kv::OpenMemory(ReplayBuffer::Families());
  std::vector<int> counts(40);
  for (uint64_t round = 0; round < 4000; ++round) {
    const auto buffer = OpenBuffer(*store, Options(Policy::kReservoir, 40, 0.25));
    Rng rng(round);
    for (uint64_t i = 0; i < counts.size(); ++i) buffer->Add(MakeExample(i, "a"), rng);
    for (const uint64_t offset : Contents(*buffer)) ++counts[offset];
  }
  // Binomial with p = 10/40: five standard deviations of 4000 rounds are 137.
  for (const int count : counts) EXPECT_NEAR(count, 1000, 137);
}

TEST(SourceUse, ASenderThatCallsItselfDifferentlyEachTimeTakesNoRoom) {
  SourceUse uses({.examples = 2, .bytes = 100});
  for (int i = 0; i < 1000; ++i) {
    const SourceUse::Pin pin(uses, "refused" + std::to_string(i));
    EXPECT_TRUE(uses.Fits(pin.number(), 10));
  }
  EXPECT_EQ(uses.count(), 1u);
  uint32_t kept = 0;
  {
    const SourceUse::Pin pin(uses, "kept");
    kept = pin.number();
    uses.Add(kept, 60);
    // Room is made of its own last example while the next is on its way.
    uses.Remove(kept, 60);
    uses.Add(kept, 70);
  }
  EXPECT_FALSE(uses.Fits(kept, 40));
  const SourceUse::Pin again(uses, "kept"), other(uses, "other");
  EXPECT_EQ(again.number(), kept);
  EXPECT_NE(other.number(), kept);
}

TEST(SourceShare, WithinASourceClassesStayBalanced) {
  const auto store = kv::OpenMemory(ReplayBuffer::Families());
  const auto buffer = OpenBuffer(*store, Options(Policy::kClassBalanced, 200, 0.2));
  Rng rng(1), stream(2);
  // Classes one after the other; the loud source sends nine of ten samples. Without a limit each of the twelve
  // partitions would have 17.
  for (uint64_t i = 0; i < 4000; ++i) {
    const std::string source = stream.Chance(0.9) ? "loud" : "s" + std::to_string(stream.Below(2));
    buffer->Add(MakeExample(i, std::to_string(i / 1000), source), rng);
  }
  EXPECT_EQ(HeldOf(*buffer).examples["loud"], 40u);
  for (int label = 0; label < 4; ++label) {
    EXPECT_NEAR(static_cast<double>(SizeOf(*buffer, std::to_string(label) + " | loud")), 10, 3);
  }
}

TEST(SourceShare, ALoweredLimitHoldsFromTheNextStart) {
  const auto store = kv::OpenMemory(ReplayBuffer::Families());
  Rng rng(1);
  {
    const auto buffer = OpenBuffer(*store, Options(Policy::kReservoir, 100, 0));
    for (uint64_t i = 0; i < 90; ++i) buffer->Add(MakeExample(i, "a", i % 3 == 0 ? "x" : "loud"), rng);
    SaveBuffer(*buffer, *store);
  }
  const auto buffer = OpenBuffer(*store, Options(Policy::kReservoir, 100, 0.4));
  EXPECT_EQ(HeldOf(*buffer).examples, (std::map<std::string, uint64_t>{{"loud", 40}, {"x", 30}}));
  EXPECT_EQ(Contents(*OpenBuffer(*store, Options(Policy::kReservoir, 100, 0.4))), Contents(*buffer));
}

TEST(SourceDrawShare, LimitsADrawAndFillsItWithOthers) {
  const auto store = kv::OpenMemory(ReplayBuffer::Families());
  ReplayOptions options = Options(Policy::kReservoir, 400, 0);
  options.source_draw_share = 0.25;
  const auto buffer = OpenBuffer(*store, options);
  Rng rng(1);
  for (uint64_t i = 0; i < 400; ++i) {
    buffer->Add(MakeExample(i, "a", i % 2 == 0 ? "loud" : std::to_string(i % 10)), rng);
  }
  std::map<uint64_t, int> often;
  int loud = 0;
  for (int round = 0; round < 2000; ++round) {
    std::map<std::string, int> of_source;
    const std::vector<Drawn> drawn = buffer->Draw(20, rng).value();
    EXPECT_EQ(drawn.size(), 20u);
    for (const Drawn& one : drawn) {
      ++of_source[one.example->source];
      ++often[one.example->offset.value];
    }
    loud += of_source["loud"];
    for (const auto& [source, count] : of_source) EXPECT_LE(count, 5) << source;
  }
  EXPECT_GT(loud, 2000 * 4.9) << "as much as it may, not less";
  // 5 of 200 loud ones and 15 of 200 others in each draw: expected 50 and 150; five standard deviations.
  for (const auto& [offset, count] : often) {
    EXPECT_NEAR(count, offset % 2 == 0 ? 50 : 150, offset % 2 == 0 ? 40 : 62) << offset;
  }
}

TEST(SourceDrawShare, OfASourceAloneDrawsAreSmaller) {
  const auto store = kv::OpenMemory(ReplayBuffer::Families());
  ReplayOptions options = Options(Policy::kReservoir, 100, 0);
  options.source_draw_share = 0.25;
  const auto buffer = OpenBuffer(*store, options);
  Rng rng(1);
  for (uint64_t i = 0; i < 100; ++i) buffer->Add(MakeExample(i, "a"), rng);
  EXPECT_EQ(buffer->Draw(20, rng)->size(), 5u);
  EXPECT_EQ(buffer->Draw(2, rng)->size(), 1u) << "at least one";
}

TEST(ReplayOptions, SharesAreShares) {
  EXPECT_FALSE(Options(Policy::kReservoir, 10, 1.1).Validate().ok());
  EXPECT_FALSE(Options(Policy::kReservoir, 10, -0.1).Validate().ok());
  EXPECT_TRUE(Options(Policy::kReservoir, 10, 1).Validate().ok());
}

}  // namespace
}  // namespace perennial::replay
