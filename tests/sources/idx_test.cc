#include <gtest/gtest.h>

#include "storage/sources/idx_source.h"
#include "tests/sources/fixtures.h"

namespace perennial::sources {
namespace {

std::string Big32(uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
  return out;
}

// `count` pictures of 3 x 2, picture i filled with 10 * i.
std::string Images(uint32_t count) {
  std::string out = Big32(0x803) + Big32(count) + Big32(2) + Big32(3);
  for (uint32_t i = 0; i < count; ++i) out += std::string(6, static_cast<char>(10 * i));
  return out;
}
std::string Labels(uint32_t count) {
  std::string out = Big32(0x801) + Big32(count);
  for (uint32_t i = 0; i < count; ++i) out.push_back(static_cast<char>(i % 10));
  return out;
}

std::string Gzip(const std::string& bytes) {
  Data scratch;
  const std::string path = scratch.path() + "/x.gz";
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<Item> ReadAll(const std::string& path) {
  std::vector<Item> items;
  auto source = OpenSource(path, {});
  EXPECT_TRUE(source.ok()) << source.status().ToString();
  while (source.ok()) {
    auto item = (*source)->Next();
    EXPECT_TRUE(item.ok()) << item.status().ToString();
    if (!item.ok() || !*item) break;
    items.push_back(std::move(**item));
  }
  return items;
}

TEST(Idx, AFolderOfPlainAndPackedFilesIsReadTestPartFirst) {
  Data data;
  data.Write("train-images-idx3-ubyte.gz", Gzip(Images(3)));
  data.Write("train-labels-idx1-ubyte.gz", Gzip(Labels(3)));
  data.Write("t10k-images-idx3-ubyte", Images(2));
  data.Write("t10k-labels-idx1-ubyte", Labels(2));
  data.Write("LICENSE", "free");
  const std::vector<Item> items = ReadAll(data.path());
  ASSERT_EQ(items.size(), 5u);
  for (const Item& item : items) ASSERT_TRUE(item.sample.ok()) << item.sample.status().ToString();
  EXPECT_EQ(items[0].sample->part, format::Part::kTest);
  EXPECT_EQ(items[0].sample->id, "t10k/0");
  EXPECT_EQ(items[4].sample->part, format::Part::kTrain);
  EXPECT_EQ(items[4].sample->id, "train/2");
  EXPECT_EQ(items[4].sample->label, "2");
  const auto picture = media::DecodeImage(items[4].sample->image, {});
  ASSERT_TRUE(picture.ok());
  EXPECT_EQ(picture->width, 3);
  EXPECT_EQ(picture->height, 2);
  EXPECT_EQ(picture->pixels, std::vector<uint8_t>(18, 20));
}

TEST(Idx, DamageIsNamed) {
  const auto first_error = [](const std::string& images, const std::string& labels) {
    Data data;
    data.Write("train-images-idx3-ubyte", images);
    if (!labels.empty()) data.Write("train-labels-idx1-ubyte", labels);
    const std::vector<Item> items = ReadAll(data.path());
    EXPECT_EQ(items.size(), 1u);
    return items.empty() ? Status::Ok() : items[0].sample.status();
  };
  EXPECT_EQ(first_error(Images(3), "").code(), Code::kNotFound);
  EXPECT_EQ(first_error(Images(3), Labels(2)).code(), Code::kCorruption);
  EXPECT_EQ(first_error(Images(3).substr(0, 30), Labels(3)).code(), Code::kCorruption);
  EXPECT_EQ(first_error(Labels(3), Labels(3)).code(), Code::kCorruption);
  EXPECT_EQ(first_error(Big32(0x803) + Big32(~0u) + Big32(~0u) + Big32(~0u), Labels(3)).code(), Code::kCorruption);
  EXPECT_EQ(first_error("", Labels(3)).code(), Code::kCorruption);
}

TEST(Idx, NamesOfPairs) {
  EXPECT_EQ(IdxLabelsName("a-images-idx3-ubyte.gz"), "a-labels-idx1-ubyte.gz");
  EXPECT_EQ(IdxLabelsName("a-images-idx3-ubyte.gz.part"), std::nullopt);
  EXPECT_EQ(IdxLabelsName("a-labels-idx1-ubyte"), std::nullopt);
  EXPECT_EQ(IdxLabelsName("train-images.idx3-ubyte"), "train-labels.idx1-ubyte");
}

TEST(Idx, ThePartIsTheLastWordThatNamesOne) {
  for (const char* name :
       {"t10k-images-idx3-ubyte", "emnist-letters-test-images-idx3-ubyte.gz", "test_a-images.idx3-ubyte"}) {
    EXPECT_TRUE(IsIdxTestPart(name)) << name;
  }
  for (const char* name :
       {"train-images-idx3-ubyte", "stress-test-train-images-idx3-ubyte", "latest-images-idx3-ubyte"}) {
    EXPECT_FALSE(IsIdxTestPart(name)) << name;
  }
}

}  // namespace
}  // namespace perennial::sources
