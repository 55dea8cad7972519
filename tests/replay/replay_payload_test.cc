// How pictures are kept: what a draw gives of them, what they count, and that the cache changes nothing but time.
#include "replay/payload.h"

#include <map>

#include "storage/base/bytes.h"
#include "storage/media/image.h"
#include "tests/replay/replay_fixture.h"

namespace perennial::replay {
namespace {

using Payload = ReplayOptions::Payload;

constexpr int kSide = 16;

media::Image Picture(uint64_t seed, bool grey) {
  Rng rng(seed);
  media::Image image{kSide, kSide, std::vector<uint8_t>(kSide * kSide * 3)};
  const auto base = static_cast<uint8_t>(rng.Below(128));
  for (size_t i = 0; i < image.pixels.size(); ++i) {
    const size_t step = grey ? i / 3 : i;
    image.pixels[i] = static_cast<uint8_t>(base + (step % 23 < 9 ? 0 : step % 7 * 9));
  }
  return image;
}

Example WithPicture(uint64_t offset, const std::string& label, bool grey = false) {
  Example example = MakeExample(offset, label);
  const media::Image image = Picture(offset, grey);
  example.image = media::EncodePng(image).value();
  example.pixels = std::make_shared<const media::Image>(image);
  return example;
}

ReplayOptions Options(Payload payload) {
  ReplayOptions options;
  options.payload = payload;
  options.image_size = kSide;
  options.capacity = 40;
  return options;
}

class ReplayPayloadTest : public testing::TestWithParam<Payload> {};
INSTANTIATE_TEST_SUITE_P(Kinds, ReplayPayloadTest,
                         testing::Values(Payload::kAsSent, Payload::kRaw, Payload::kDeflate, Payload::kJpeg));

TEST_P(ReplayPayloadTest, AFreshExampleIsDrawnAsALoadedOne) {
  const ReplayOptions options = Options(GetParam());
  for (const bool grey : {false, true}) {
    const Example example = WithPicture(7, "a", grey);
    const std::string record = RecordOf(example, options).record;
    const Example loaded = ExampleOf(record, options).value();
    const Example fresh = DrawableOf(example, record, options).value();
    EXPECT_EQ(fresh.pixels->pixels, loaded.pixels->pixels);
    EXPECT_EQ(fresh.image, "");
    EXPECT_EQ(loaded.label, "a");
    EXPECT_EQ(loaded.offset, Offset{7});
    if (GetParam() != Payload::kJpeg) {
      EXPECT_EQ(loaded.pixels->pixels, example.pixels->pixels) << "without loss";
    }
  }
}

TEST_P(ReplayPayloadTest, EitherBytesOrPixelsAreEnough) {
  const ReplayOptions options = Options(GetParam());
  Example bytes_only = WithPicture(7, "a"), pixels_only = WithPicture(7, "a");
  bytes_only.pixels.reset();
  pixels_only.image.clear();
  const auto from_bytes = ExampleOf(RecordOf(bytes_only, options).record, options).value();
  const auto from_pixels = ExampleOf(RecordOf(pixels_only, options).record, options).value();
  EXPECT_EQ(from_bytes.pixels->pixels, from_pixels.pixels->pixels);
}

TEST_P(ReplayPayloadTest, TheCacheDecidesNothing) {
  ReplayOptions cached = Options(GetParam()), tiny = cached, none = cached;
  cached.capacity_bytes = tiny.capacity_bytes = none.capacity_bytes = 9000;
  tiny.cache_bytes = 5000;
  none.cache_bytes = 0;
  std::unique_ptr<kv::KvStore> stores[3];
  std::unique_ptr<ReplayBuffer> buffers[3];
  std::vector<Rng> random(3, Rng(5));
  const ReplayOptions* options[3] = {&cached, &tiny, &none};
  for (int k = 0; k < 3; ++k) {
    stores[k] = kv::OpenMemory(ReplayBuffer::Families());
    buffers[k] = OpenBuffer(*stores[k], *options[k]);
  }
  for (uint64_t i = 0; i < 200; ++i) {
    for (size_t k = 0; k < 3; ++k) {
      buffers[k]->Add(WithPicture(i, std::to_string(i % 3), i % 2 == 0), random[k]);
      ASSERT_LE(buffers[k]->bytes(), 9000U);
      ASSERT_LE(buffers[k]->cached_bytes(), options[k]->cache_bytes);
      if (i % 9 == 8) SaveBuffer(*buffers[k], *stores[k]);
      // One that dies and comes back with a cold cache.
      if (k == 1 && i % 36 == 35) buffers[k] = OpenBuffer(*stores[k], *options[k]);
    }
    std::vector<Drawn> drawn[3];
    for (size_t k = 0; k < 3; ++k) drawn[k] = buffers[k]->Draw(7, random[k]).value();
    for (size_t k = 1; k < 3; ++k) {
      ASSERT_EQ(drawn[k].size(), drawn[0].size());
      for (size_t n = 0; n < drawn[0].size(); ++n) {
        ASSERT_EQ(drawn[k][n].id, drawn[0][n].id);
        ASSERT_EQ(drawn[k][n].example->offset, drawn[0][n].example->offset);
        ASSERT_EQ(drawn[k][n].example->pixels->pixels, drawn[0][n].example->pixels->pixels);
      }
    }
  }
  EXPECT_GT(buffers[1]->cached_bytes(), 3000U);
  EXPECT_EQ(buffers[2]->cached_bytes(), 0U);
  EXPECT_EQ(buffers[0]->Digest().value(), buffers[2]->Digest().value());
}

TEST(ReplayPayload, CountsWhatIsKept) {
  std::map<Payload, uint64_t> bytes;
  for (const Payload payload : {Payload::kAsSent, Payload::kRaw, Payload::kDeflate, Payload::kJpeg}) {
    const auto store = kv::OpenMemory(ReplayBuffer::Families());
    const auto buffer = OpenBuffer(*store, Options(payload));
    Rng rng(1);
    buffer->Add(WithPicture(3, "a", true), rng);
    bytes[payload] = buffer->bytes() - (8 + 1 + 1 + 7);
    SaveBuffer(*buffer, *store);
    EXPECT_EQ(OpenBuffer(*store, Options(payload))->bytes(), buffer->bytes());
  }
  EXPECT_EQ(bytes[Payload::kAsSent], WithPicture(3, "a", true).image.size());
  EXPECT_EQ(bytes[Payload::kRaw], 3U + kSide * kSide);
  EXPECT_LT(bytes[Payload::kDeflate], bytes[Payload::kRaw]);
  EXPECT_LE(bytes[Payload::kJpeg], bytes[Payload::kDeflate]) << "the smaller of the two";
}

TEST(ReplayPayload, ADamagedPictureIsAnErrorOfTheDrawAndNamesTheEntry) {
  ReplayOptions options = Options(Payload::kDeflate);
  options.cache_bytes = 0;
  const auto store = kv::OpenMemory(ReplayBuffer::Families());
  const auto buffer = OpenBuffer(*store, options);
  Rng rng(1);
  buffer->Add(WithPicture(33, "a"), rng);
  SaveBuffer(*buffer, *store);
  const kv::Family family = store->FindFamily("replay").value();
  const std::string key = Key("main", KeyKind::kExample, 1);
  std::string record = store->Get(family, key).value().value();
  record.resize(record.size() - 3);
  kv::WriteBatch damage;
  damage.Put(family, key, record);
  ASSERT_TRUE(store->Write(damage, kv::Durability::kSynced).ok());
  const Status status = buffer->Draw(1, rng).status();
  EXPECT_EQ(status.code(), Code::kCorruption);
  EXPECT_NE(status.ToString().find("33"), std::string::npos) << status.ToString();
}

TEST(ReplayPayload, AMemoryOfTheFirstFormatLoadsWhateverThePayloadIsNow) {
  const auto store = kv::OpenMemory(ReplayBuffer::Families());
  const kv::Family family = store->FindFamily("replay").value();
  const Example example = WithPicture(5, "a");
  std::string record = HexDecode(
                           "0105"
                           "0174"
                           "0161"
                           "0173"
                           "0164")
                           .value();
  record += static_cast<char>(0x80 | (example.image.size() & 0x7f));
  record += static_cast<char>(example.image.size() >> 7);
  record += example.image;
  kv::WriteBatch batch;
  batch.Put(family, Key("main", KeyKind::kHeader, 0), HexDecode("010101020101").value());
  batch.Put(family, Key("main", KeyKind::kPartition, 0),
            HexDecode("0561207c2073"
                      "01"
                      "00"
                      "00")
                .value());
  batch.Put(family, Key("main", KeyKind::kSlot, 0), HexDecode("010000").value());
  batch.Put(family, Key("main", KeyKind::kExample, 1), record);
  ASSERT_TRUE(store->Write(batch, kv::Durability::kSynced).ok());
  ReplayOptions options = Options(Payload::kDeflate);
  options.item_state = true;
  const auto buffer = OpenBuffer(*store, options);
  Rng rng(1);
  buffer->Add(WithPicture(6, "a"), rng);
  EXPECT_EQ(buffer->Partitions(), (std::vector<std::pair<std::string, size_t>>{{"a | s", 2}}));
  SaveBuffer(*buffer, *store);
  const std::vector<Drawn> drawn = OpenBuffer(*store, options)->Draw(2, rng).value();
  for (const Drawn& one : drawn) {
    EXPECT_EQ(one.example->pixels->pixels, Picture(one.example->offset.value, false).pixels);
  }
}

}  // namespace
}  // namespace perennial::replay
