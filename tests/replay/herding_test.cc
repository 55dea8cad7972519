#include "replay/herding_policy.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <memory>

#include "replay/replay_codec.h"
#include "tests/replay/replay_fixture.h"

namespace perennial::replay {
namespace {

using Policy = ReplayOptions::Policy;

ReplayOptions Options(uint64_t capacity, Policy policy = Policy::kHerding) {
  ReplayOptions options;
  options.policy = policy;
  options.capacity = capacity;
  options.image_size = 8;
  options.partition = ReplayOptions::Partition::kLabel;
  return options;
}

// A picture of two greys drawn around the label's.
Example Picture(uint64_t offset, int label, Rng& rng) {
  media::Image image{8, 8, {}};
  const double level = 60 + 50 * label, slope = 6 * rng.Normal(), lift = 20 * rng.Normal();
  for (int i = 0; i < 64; ++i) {
    const double grey = std::clamp(level + lift + slope * (i % 8 - 4) + 5 * rng.Normal(), 0.0, 255.0);
    image.pixels.insert(image.pixels.end(), 3, static_cast<uint8_t>(grey));
  }
  Example example = MakeExample(offset, std::to_string(label));
  example.pixels = std::make_shared<const media::Image>(std::move(image));
  return example;
}

std::vector<Example> Stream(size_t size, uint64_t seed) {
  Rng rng(seed);
  std::vector<Example> stream;
  for (uint64_t i = 0; i < size; ++i) stream.push_back(Picture(i, static_cast<int>(rng.Below(3)), rng));
  return stream;
}

// Distance between the mean features of the stream and of what is held, averaged over the labels.
double Apart(ReplayBuffer& buffer, const std::vector<Example>& stream) {
  std::map<std::string, std::array<double, kFeatures>> seen, held;
  std::map<std::string, double> seen_count, held_count;
  const auto add = [](const Example& example, auto& sums, auto& counts) {
    const Feature feature = FeatureOf(example, {});
    for (size_t i = 0; i < kFeatures; ++i) sums[example.label][i] += feature[i];
    ++counts[example.label];
  };
  for (const Example& example : stream) add(example, seen, seen_count);
  Rng rng(1);
  const std::vector<Drawn> all = buffer.Draw(buffer.size(), rng).value();
  for (const Drawn& drawn : all) add(*drawn.example, held, held_count);
  double apart = 0;
  for (const auto& [label, sums] : seen) {
    double squares = 0;
    for (size_t i = 0; i < kFeatures; ++i) {
      squares += std::pow(sums[i] / seen_count[label] - held[label][i] / held_count[label], 2);
    }
    apart += std::sqrt(squares) / static_cast<double>(seen.size());
  }
  return apart;
}

TEST(Herding, KeepsTheMeanOfTheStreamFarBetterThanChance) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const std::vector<Example> stream = Stream(600, seed);
    const auto store = kv::OpenMemory(ReplayBuffer::Families());
    const auto herded = OpenBuffer(*store, Options(30)),
               drawn = OpenBuffer(*store, Options(30, Policy::kReservoir), "r");
    Rng rng(seed);
    for (const Example& example : stream) {
      herded->Add(example, rng);
      drawn->Add(example, rng);
    }
    for (const auto& [label, size] : herded->Partitions()) EXPECT_EQ(size, 10u) << label;
    EXPECT_LT(Apart(*herded, stream), 0.4 * Apart(*drawn, stream)) << "seed " << seed;
  }
}

TEST(Herding, InSmallPartitionsChanceDecidesNothingButWhichOfTheLargest) {
  const auto contents = [&](uint64_t seed) {
    const auto store = kv::OpenMemory(ReplayBuffer::Families());
    const auto buffer = OpenBuffer(*store, Options(20));
    Rng chance(seed), pictures(9);
    for (uint64_t i = 0; i < 300; ++i) buffer->Add(Picture(i, 1, pictures), chance);
    std::vector<uint64_t> held = Contents(*buffer);
    std::sort(held.begin(), held.end());
    return held;
  };
  EXPECT_EQ(contents(1), contents(2));
}

TEST(Herding, GoesOnAfterARestartAsIfThereHadBeenNone) {
  for (const uint64_t capacity : {20, 300}) {  // few members, and more than are compared
    const auto store = kv::OpenMemory(ReplayBuffer::Families());
    ReplayOptions options = Options(capacity);
    options.capacity_bytes = capacity == 20 ? uint64_t{2000} : uint64_t{1} << 20;
    auto buffer = OpenBuffer(*store, options);
    const auto twin = OpenBuffer(*store, options, "twin");
    Rng rng(1), twin_rng(1), restarts(2);
    for (const Example& example : Stream(900, 7)) {
      buffer->Add(example, rng);
      twin->Add(example, twin_rng);
      if (!restarts.Chance(0.03)) continue;
      if (restarts.Chance(0.3)) {  // a checkpoint that was not confirmed goes into the next one
        kv::WriteBatch lost;
        buffer->ContributeTo(lost);
      }
      SaveBuffer(*buffer, *store);
      buffer = OpenBuffer(*store, options);
    }
    EXPECT_EQ(Contents(*buffer), Contents(*twin));
    EXPECT_EQ(*buffer->Digest(), *twin->Digest());
  }
}

size_t CountOf(const kv::KvStore& store, KeyKind kind) {
  const std::string first = Key("main", kind, 0);
  const auto at = store.NewIterator(store.FindFamily("replay").value());
  size_t count = 0;
  for (at->Seek(first); at->Valid() && at->key().starts_with(first.substr(0, first.size() - 8)); at->Next()) ++count;
  return count;
}

TEST(Herding, TakesOverAnothersMemoryAndLeavesNothingBehind) {
  const auto store = kv::OpenMemory(ReplayBuffer::Families());
  const std::vector<Example> stream = Stream(400, 4);
  Rng rng(1);
  const auto run = [&](Policy policy, size_t begin, size_t end) {
    const auto buffer = OpenBuffer(*store, Options(40, policy));
    for (size_t i = begin; i < end; ++i) buffer->Add(stream[i], rng);
    SaveBuffer(*buffer, *store);
    EXPECT_EQ(buffer->size(), 40u);
    return Apart(*buffer, stream);
  };
  const double before = run(Policy::kClassBalanced, 0, 200);
  EXPECT_EQ(CountOf(*store, KeyKind::kFeature), 0u);
  EXPECT_LT(run(Policy::kHerding, 200, 400), before);
  EXPECT_EQ(CountOf(*store, KeyKind::kFeature), 40u) << "one for each that is held, those found there too";
  EXPECT_EQ(CountOf(*store, KeyKind::kMean), 3u);
  (void)run(Policy::kReservoir, 0, 50);
  EXPECT_EQ(CountOf(*store, KeyKind::kFeature), 0u);
  EXPECT_EQ(CountOf(*store, KeyKind::kMean), 0u);
}

// A partition that is evicted from and gets nothing more: its mean was made anew from what was left of it.
TEST(Herding, TheMeanMadeAtATakeoverStays) {
  const auto store = kv::OpenMemory(ReplayBuffer::Families());
  Rng rng(1);
  for (const char* name : {"main", "twin"}) {
    Rng own(1), pictures(3);
    const auto buffer = OpenBuffer(*store, Options(30, Policy::kClassBalanced), name);
    for (uint64_t i = 0; i < 90; ++i) buffer->Add(Picture(i, static_cast<int>(i % 3), pictures), own);
    SaveBuffer(*buffer, *store);
  }
  auto buffer = OpenBuffer(*store, Options(30, Policy::kHerding));
  const auto twin = OpenBuffer(*store, Options(30, Policy::kHerding), "twin");
  Rng own(2), twin_own(2), pictures(4);
  for (uint64_t i = 0; i < 120; ++i) {
    const Example example = Picture(1000 + i, i < 60 ? 3 : static_cast<int>(i % 4), pictures);
    buffer->Add(example, own);
    twin->Add(example, twin_own);
    if (i % 10 != 0) continue;
    SaveBuffer(*buffer, *store);
    buffer = OpenBuffer(*store, Options(30, Policy::kHerding));
  }
  EXPECT_EQ(Contents(*buffer), Contents(*twin));
  EXPECT_EQ(*buffer->Digest(), *twin->Digest());
}

TEST(Feature, TellsPicturesAndTextsApart) {
  Rng rng(1);
  const Example dark = Picture(0, 0, rng), light = Picture(1, 3, rng);
  EXPECT_NE(FeatureOf(dark, {}), FeatureOf(light, {}));
  EXPECT_EQ(FeatureOf(dark, {}), FeatureOf(dark, {}));
  Example asks = dark;
  asks.text = "what colour is it";
  EXPECT_NE(FeatureOf(asks, {}), FeatureOf(dark, {}));
  Example broken = MakeExample(2, "a");
  broken.image = "no picture";
  EXPECT_EQ(FeatureOf(broken, {}), FeatureOf(MakeExample(3, "b"), {}));
}

TEST(FeatureTable, RefusesFeaturesOfAnotherSize) {
  const Feature feature{1, 2, 3};
  EXPECT_EQ(DecodeFeature(EncodeFeature(feature)).value(), feature);
  EXPECT_FALSE(DecodeFeature(EncodeFeature(feature).substr(1)).ok());
  EXPECT_FALSE(DecodeFeature("").ok());
}

}  // namespace
}  // namespace perennial::replay
