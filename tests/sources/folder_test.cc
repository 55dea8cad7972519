#include "storage/sources/folder.h"

#include <gtest/gtest.h>

#include "tests/sources/fixtures.h"

namespace perennial::sources {
namespace {

using Lines = std::vector<std::string>;

TEST(ImageFolder, MetadataLinesNameTheirImages) {
  const Data data;
  data.Write("a.png", Png(1));
  data.Write("sub/b.png", Png(2));
  data.Write("metadata.jsonl",
             "{\"file_name\":\"a.png\",\"text\":\"q1\",\"label\":\"x\",\"camera\":\"c1\"}\n"
             "{\"file_name\":\"a.png\",\"question\":\"q2\",\"answer\":\"y\"}\n"
             "{\"file_name\":\"sub/b.png\",\"label\":\"z\",\"slice\":\"s\"}\n");
  const auto items = ReadAll(data.path());
  EXPECT_EQ(Summary(items), (Lines{"q1|x||train", "q2|y||train", "|z|s|train"}));
  EXPECT_EQ(items[0].sample->image, Png(1));
  EXPECT_EQ(items[0].sample->meta.at("camera"), "c1");
  EXPECT_EQ(items[0].sample->id, "a.png");
  EXPECT_EQ(items[1].sample->id, "a.png#2");
  EXPECT_EQ(items[1].sample->group, "a.png");
  EXPECT_EQ(items[2].sample->image, Png(2));
}

TEST(ImageFolder, CsvMetadataInTrainAndTestPartsTestFirst) {
  const Data data;
  data.Write("train/a.png", Png(1));
  data.Write("train/metadata.csv", "file_name,label\na.png,x\n");
  data.Write("test/a.png", Png(2));
  data.Write("test/metadata.csv", "file_name,label\na.png,y\n");
  const auto items = ReadAll(data.path());
  EXPECT_EQ(Summary(items), (Lines{"|y||test", "|x||train"}));
  EXPECT_EQ(items[0].sample->id, "test/a.png");
  EXPECT_EQ(items[1].pointer, "train/metadata.csv line 2");
}

TEST(ImageFolder, OneFolderPerClass) {
  const Data data;
  data.Write("train/scratch/1.png", Png(1));
  data.Write("train/pit/2.jpg", Png(2));
  data.Write("train/pit/notes.txt", "no image");
  data.Write("test/pit/3.png", Png(3));
  const auto items = ReadAll(data.path());
  EXPECT_EQ(Summary(items), (Lines{"|pit||test", "|pit||train", "|scratch||train"}));
  EXPECT_EQ(items[2].sample->id, "train/scratch/1.png");
}

TEST(ImageFolder, AClassCalledTrainOrTestInsideAPartIsAClass) {
  const Data data;
  data.Write("train/train/1.png", Png(1));
  data.Write("train/test tube/2.png", Png(2));
  data.Write("train/bus/3.png", Png(3));
  data.Write("test/train/4.png", Png(4));
  const auto items = ReadAll(data.path());
  EXPECT_EQ(Summary(items), (Lines{"|train||test", "|bus||train", "|test tube||train", "|train||train"}));
}

TEST(ImageFolder, EscapesAreRefusedAndReadingGoesOn) {
  const Data outside, data;
  const std::string secret = outside.Write("secret.png", Png(9));
  std::filesystem::create_symlink(secret, data.path() + "/link.png");
  std::filesystem::create_directory_symlink(outside.path(), data.path() + "/dir");
  data.Write("a.png", Png(1));
  data.Write("empty.png", "");
  data.Write("metadata.jsonl", "{\"file_name\":\"../" + std::filesystem::path(outside.path()).filename().string() +
                                   "/secret.png\"}\n"
                                   "{\"file_name\":\"" +
                                   secret +
                                   "\"}\n{\"file_name\":\"link.png\"}\n{\"file_name\":\"dir/secret.png\"}\n"
                                   "{\"file_name\":\"absent.png\"}\n{\"file_name\":\"empty.png\"}\n{\"text\":\"no "
                                   "file\"}\n{\"file_name\":\"a.png\"}\n");
  const auto items = ReadAll(data.path());
  EXPECT_EQ(Summary(items), (Lines{"!invalid_argument", "!invalid_argument", "!invalid_argument", "!invalid_argument",
                                   "!not_found", "!invalid_argument", "!invalid_argument", "|-||train"}));
  for (size_t i = 0; i < 4; ++i) EXPECT_NE(items[i].sample.status().message().find("leaves"), std::string::npos) << i;
  EXPECT_EQ(items[4].pointer, "metadata.jsonl line 5");
}

TEST(ImageFolder, LinksThatLeadOutAreNotListed) {
  const Data outside, data;
  outside.Write("c/x.png", Png(9));
  std::filesystem::create_directory_symlink(outside.path() + "/c", data.path() + "/c");
  data.Write("d/y.png", Png(1));
  EXPECT_EQ(Summary(ReadAll(data.path())), Lines{"|d||train"});
}

TEST(ImageFolder, AnImageAboveTheLimitIsNotRead) {
  const Data data;
  data.Write("c/big.png", std::string(2000, 'x'));
  SourceOptions options;
  options.limits.max_image_bytes = 1000;
  EXPECT_EQ(Summary(ReadAll(data.path(), options)), Lines{"!resource_exhausted"});
}

TEST(ImageFolder, AnEmptyFolderSaysWhatIsExpected) {
  const Data data;
  const auto source = OpenSource(data.path(), {});
  // The refusal comes at once: there is no item to hang it on.
  ASSERT_FALSE(source.ok());
  EXPECT_NE(source.status().hint().find("metadata.jsonl"), std::string::npos);
}

}  // namespace
}  // namespace perennial::sources
