#include <gmock/gmock.h>

#include "replay/replay_codec.h"
#include "storage/base/env.h"
#include "tests/replay/replay_fixture.h"

namespace perennial::replay {
namespace {

using Policy = ReplayOptions::Policy;

std::string Picture(uint64_t seed) {
  media::Image image;
  image.width = image.height = 8;
  Rng rng(seed);
  for (int i = 0; i < 8 * 8 * 3; ++i) image.pixels.push_back(static_cast<uint8_t>(rng.Below(256)));
  return media::EncodePng(image).value();
}

Example StreamExample(uint64_t offset) {
  Rng rng(7, offset);
  Example example =
      MakeExample(offset, std::to_string(rng.Below(5) * rng.Below(5)), std::to_string(rng.Below(2)), rng.Below(120));
  if (rng.Chance(0.3)) example.image = Picture(offset % 10);
  return example;
}

struct Case {
  Policy policy;
  uint64_t seed;
  friend void PrintTo(const Case& a_case, std::ostream* out) {
    *out << (a_case.policy == Policy::kReservoir ? "reservoir" : "class_balanced") << " seed " << a_case.seed;
  }
};

class ReplayResumeTest : public testing::TestWithParam<Case> {
 protected:
  ReplayResumeTest() {
    options_.policy = GetParam().policy;
    options_.capacity = 40;
    options_.capacity_bytes = 6000;
    options_.image_size = 8;
  }
  ReplayOptions options_;
};
std::vector<Case> AllCases() {
  std::vector<Case> cases;
  for (const Policy policy : {Policy::kReservoir, Policy::kClassBalanced}) {
    for (uint64_t seed = 0; seed < 6; ++seed) cases.push_back({policy, seed});
  }
  return cases;
}
INSTANTIATE_TEST_SUITE_P(Seeds, ReplayResumeTest, testing::ValuesIn(AllCases()));

// One buffer runs through; the other is saved at random points and, at some of them, dies and is loaded again from what
// was saved, going on from the random state of that moment. Both must hold the same in the same slots, and draw the
// same.
TEST_P(ReplayResumeTest, GoesOnAsIfItHadNeverStopped) {
  const auto store = kv::OpenMemory(ReplayBuffer::Families());
  const auto unused = kv::OpenMemory(ReplayBuffer::Families());
  const auto whole = OpenBuffer(*unused, options_);
  auto resumed = OpenBuffer(*store, options_);
  Rng whole_rng(GetParam().seed), resumed_rng(GetParam().seed), when(GetParam().seed + 100);
  uint64_t saved_at = 0;
  std::string saved_rng = resumed_rng.Save();
  int deaths = 0;
  for (uint64_t i = 0; i < 1500; ++i) {
    whole->Add(StreamExample(i), whole_rng);
    resumed->Add(StreamExample(i), resumed_rng);
    if (when.Chance(0.05)) {
      SaveBuffer(*resumed, *store);
      saved_at = i + 1;
      saved_rng = resumed_rng.Save();
    }
    if (when.Chance(0.03)) {
      resumed = OpenBuffer(*store, options_);
      resumed_rng = Rng::Load(saved_rng).value();
      for (uint64_t again = saved_at; again <= i; ++again) resumed->Add(StreamExample(again), resumed_rng);
      ++deaths;
    }
    ASSERT_EQ(Contents(*resumed), Contents(*whole)) << i;
    ASSERT_EQ(resumed->bytes(), whole->bytes());
    Rng one(i), two(i);
    const auto expected = whole->Draw(5, one).value();
    const auto drawn = resumed->Draw(5, two).value();
    for (size_t k = 0; k < drawn.size(); ++k) ASSERT_EQ(drawn[k].example->offset, expected[k].example->offset);
  }
  EXPECT_GT(deaths, 10);
  EXPECT_EQ(resumed->Partitions(), whole->Partitions());
  EXPECT_EQ(resumed_rng.Next(), whole_rng.Next());
}

TEST_P(ReplayResumeTest, AContributionThatWasNotConfirmedIsMadeAgain) {
  const auto store = kv::OpenMemory(ReplayBuffer::Families());
  const auto buffer = OpenBuffer(*store, options_);
  Rng rng(GetParam().seed);
  for (uint64_t i = 0; i < 600; ++i) {
    buffer->Add(StreamExample(i), rng);
    if (i % 50 == 20) {
      kv::WriteBatch lost;
      buffer->ContributeTo(lost);
      // A write whose failure was reported may have reached the disk all the same.
      if (i % 100 == 20) {
        EXPECT_TRUE(store->Write(lost, kv::Durability::kSynced).ok());
      }
    }
    if (i % 50 == 40) {
      SaveBuffer(*buffer, *store);
      ASSERT_EQ(Contents(*OpenBuffer(*store, options_)), Contents(*buffer));
    }
  }
  // Nothing is left behind of what was evicted.
  SaveBuffer(*buffer, *store);
  size_t examples = 0;
  const auto at = store->NewIterator(store->FindFamily("replay").value());
  const std::string prefix = Key("main", KeyKind::kExample, 0).substr(0, 6);
  for (at->Seek(prefix); at->Valid() && at->key().starts_with(prefix); at->Next()) ++examples;
  EXPECT_EQ(examples, buffer->size());
}

TEST(ReplaySaving, WritesOnlyWhatChanged) {
  const auto store = kv::OpenMemory(ReplayBuffer::Families());
  const auto buffer = OpenBuffer(*store, {});
  Rng rng(1);
  for (uint64_t i = 0; i < 3000; ++i) buffer->Add(MakeExample(i, std::to_string(i % 10)), rng);
  EXPECT_GT(SaveBuffer(*buffer, *store), 6000U);
  for (uint64_t i = 3000; i < 3010; ++i) buffer->Add(MakeExample(i, std::to_string(i % 10)), rng);
  EXPECT_LE(SaveBuffer(*buffer, *store), 31U);
  EXPECT_EQ(SaveBuffer(*buffer, *store), 1U);
}

TEST(ReplaySaving, PicturesAreMadeAnewAtTheRightSize) {
  const auto store = kv::OpenMemory(ReplayBuffer::Families());
  ReplayOptions options;
  options.image_size = 8;
  const auto buffer = OpenBuffer(*store, options);
  Rng rng(1);
  Example with_picture = MakeExample(0, "a");
  with_picture.image = Picture(1);
  with_picture.pixels =
      std::make_shared<const media::Image>(media::DecodeImage(with_picture.image, media::DecodeLimits()).value());
  buffer->Add(with_picture, rng);
  SaveBuffer(*buffer, *store);
  for (const int size : {8, 4}) {
    options.image_size = size;
    const auto loaded = OpenBuffer(*store, options)->Draw(1, rng).value();
    EXPECT_EQ(loaded[0].example->image, "") << "what is drawn has pixels only";
    ASSERT_NE(loaded[0].example->pixels, nullptr);
    EXPECT_EQ(loaded[0].example->pixels->width, size);
    if (size == 8) {
      EXPECT_EQ(loaded[0].example->pixels->pixels, with_picture.pixels->pixels);
    }
  }
}

TEST(ReplaySaving, NarrowerLimitsForgetThePicturesOverThem) {
  const auto store = kv::OpenMemory(ReplayBuffer::Families());
  ReplayOptions options;
  options.image_size = 8;
  Rng rng(1);
  {
    const auto buffer = OpenBuffer(*store, options);
    for (uint64_t i = 0; i < 12; ++i) {
      Example example = MakeExample(i, std::to_string(i % 3));
      if (i % 2 == 0) example.image = Picture(i);
      buffer->Add(std::move(example), rng);
    }
    SaveBuffer(*buffer, *store);
  }
  options.image_limits.max_side = 7;
  const auto buffer = OpenBuffer(*store, options);
  EXPECT_EQ(buffer->size(), 6U);
  const std::vector<Drawn> drawn = buffer->Draw(12, rng).value();
  for (const Drawn& item : drawn) EXPECT_EQ(item.example->pixels, nullptr);
  SaveBuffer(*buffer, *store);
  EXPECT_EQ(Contents(*OpenBuffer(*store, options)), Contents(*buffer));
}

TEST(ReplaySaving, BuffersOfOneStoreDoNotMix) {
  const auto store = kv::OpenMemory(ReplayBuffer::Families());
  Rng rng(1);
  for (const char* prefix : {"a", "ab", "b"}) {
    const auto buffer = OpenBuffer(*store, {}, prefix);
    EXPECT_EQ(buffer->size(), 0U);
    for (uint64_t i = 0; i < 5; ++i) buffer->Add(MakeExample(i, prefix), rng);
    SaveBuffer(*buffer, *store);
  }
  for (const char* prefix : {"a", "ab", "b"}) {
    EXPECT_EQ(OpenBuffer(*store, {}, prefix)->Draw(1, rng).value()[0].example->label, prefix);
  }
}

TEST(ReplaySaving, AdaptsToASmallerCapacityAndAnotherPartitionRule) {
  const auto store = kv::OpenMemory(ReplayBuffer::Families());
  ReplayOptions options;
  options.partition = ReplayOptions::Partition::kLabel;
  Rng rng(1);
  {
    const auto buffer = OpenBuffer(*store, options);
    for (uint64_t i = 0; i < 90; ++i) {
      buffer->Add(MakeExample(i, i < 60 ? "a" : "b", i % 2 == 0 ? "x" : "y"), rng);
    }
    SaveBuffer(*buffer, *store);
  }
  options.partition = ReplayOptions::Partition::kLabelAndSource;
  options.capacity = 40;
  const auto buffer = OpenBuffer(*store, options);
  EXPECT_EQ(buffer->size(), 40U);
  EXPECT_EQ(buffer->Partitions().size(), 4U);
  for (const auto& [key, size] : buffer->Partitions()) EXPECT_EQ(size, 10U) << key;
  EXPECT_EQ(Contents(*OpenBuffer(*store, options)), Contents(*buffer));
  SaveBuffer(*buffer, *store);
  EXPECT_EQ(Contents(*OpenBuffer(*store, options)), Contents(*buffer));
}

TEST(ReplaySaving, AnyMissingEntryIsCorruption) {
  const auto store = kv::OpenMemory(ReplayBuffer::Families());
  const auto buffer = OpenBuffer(*store, {});
  Rng rng(1);
  for (uint64_t i = 0; i < 4; ++i) buffer->Add(MakeExample(i, std::to_string(i % 2)), rng);
  SaveBuffer(*buffer, *store);
  const kv::Family family = store->FindFamily("replay").value();
  std::vector<std::pair<std::string, std::string>> all;
  const auto at = store->NewIterator(family);
  for (at->SeekToFirst(); at->Valid(); at->Next()) all.emplace_back(at->key(), at->value());
  ASSERT_EQ(all.size(), 4U + 4 + 2 + 1);
  for (const auto& [key, value] : all) {
    kv::WriteBatch without;
    without.Delete(family, key);
    ASSERT_TRUE(store->Write(without, kv::Durability::kBuffered).ok());
    if (key != Key("main", KeyKind::kHeader, 0)) {
      EXPECT_EQ(ReplayBuffer::Open(*store, "main", {}).status().code(), Code::kCorruption);
    }
    kv::WriteBatch back;
    back.Put(family, key, value);
    ASSERT_TRUE(store->Write(back, kv::Durability::kBuffered).ok());
  }
  EXPECT_EQ(OpenBuffer(*store, {})->size(), 4U);
}

TEST(ReplaySaving, SurvivesARealStore) {
  const TemporaryFolder folder = TemporaryFolder::Make("replay").value();
  const kv::KvOptions where{.path = folder.path(), .families = ReplayBuffer::Families(), .quota = nullptr};
  Rng rng(1);
  ReplayOptions options;
  options.capacity = 100;
  std::vector<uint64_t> contents;
  {
    const auto store = kv::OpenRocks(where).value();
    const auto buffer = OpenBuffer(*store, options);
    for (uint64_t i = 0; i < 500; ++i) {
      buffer->Add(MakeExample(i, std::to_string(i % 7)), rng);
      if (i % 100 == 99) SaveBuffer(*buffer, *store);
    }
    contents = Contents(*buffer);
  }
  const auto store = kv::OpenRocks(where).value();
  EXPECT_EQ(Contents(*OpenBuffer(*store, options)), contents);
}

}  // namespace
}  // namespace perennial::replay
