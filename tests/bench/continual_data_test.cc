#include "api/bench/continual_data.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/bench/pictures.h"

namespace perennial::bench {
namespace {

constexpr int kSide = 28;

ContinualOptions Options(const std::string& path) {
  ContinualOptions options;
  options.data = path;
  return options.Resolved();
}

TEST(LabelledData, TakesClassFoldersOfAnySizeColourAndName) {
  const PictureFolder folder;
  folder.WriteClass("train", "pit hole (deep)", 1, 5);
  folder.WriteClass("train", "it's", 2, 1);
  folder.WriteClass("train", "train", 3, 2);
  folder.WriteClass("test", "pit hole (deep)", 1, 2);
  const auto data = LoadLabelled(Options(folder.path()), kSide);
  ASSERT_TRUE(data.ok()) << data.status().ToString();
  EXPECT_EQ(data->labels, (std::vector<std::string>{"it's", "pit hole (deep)", "train"}));
  ASSERT_EQ(data->samples.size(), 10u);
  std::set<std::string> ids;
  for (const format::Sample& sample : data->samples) {
    const auto image = media::DecodeImage(sample.image, media::DecodeLimits{});
    ASSERT_TRUE(image.ok());
    EXPECT_EQ(image->width, kSide);
    EXPECT_EQ(image->height, kSide);
    EXPECT_FALSE(sample.group.empty());
    ids.insert(sample.id);
  }
  EXPECT_EQ(ids.size(), 10u);
}

TEST(LabelledData, ABadPictureIsLeftOutAndCounted) {
  const PictureFolder folder;
  folder.WriteClass("train", "a", 1, 3);
  folder.Write("train/a/broken.png", "no picture");
  folder.WriteClass("test", "a", 1, 1);
  const auto data = LoadLabelled(Options(folder.path()), kSide);
  ASSERT_TRUE(data.ok());
  EXPECT_EQ(data->left_out, 1u);
  EXPECT_EQ(data->samples.size(), 4u);
}

TEST(LabelledData, NothingReadableIsAnErrorThatSaysSo) {
  const PictureFolder folder;
  folder.Write("train/a/broken.png", "no picture");
  const auto data = LoadLabelled(Options(folder.path()), kSide);
  ASSERT_FALSE(data.ok());
  EXPECT_NE(data.status().message().find("1 were left out"), std::string::npos) << data.status().ToString();
  EXPECT_FALSE(LoadLabelled(Options(folder.path() + "/none"), kSide).ok());
}

TEST(LabelledData, AnEmptyTestPartIsAnErrorUnlessAShareIsHeldOut) {
  const PictureFolder folder;
  for (int label = 0; label < 3; ++label) folder.WriteClass("train", "class " + std::to_string(label), label, 30);
  ContinualOptions options = Options(folder.path());
  const auto data = LoadLabelled(options, kSide);
  ASSERT_TRUE(data.ok());
  const auto split = SplitData(*data, options, 1);
  ASSERT_FALSE(split.ok());
  EXPECT_NE(split.status().message().find("test part is empty"), std::string::npos);
  EXPECT_NE(split.status().hint().find("--test-share"), std::string::npos);
  options.test_share = 0.3;
  const auto shared = SplitData(*data, options, 1);
  ASSERT_TRUE(shared.ok());
  EXPECT_GT(shared->test.size(), 10u);
  EXPECT_EQ(shared->test.size() + shared->train.size(), 90u);
  EXPECT_EQ(SplitData(*data, options, 2)->test, shared->test) << "one test part for all seeds";
}

TEST(LabelledData, TheDigestIsOfTheBytes) {
  const PictureFolder folder, same, other;
  for (const PictureFolder* one : {&folder, &same, &other}) {
    one->WriteClass("train", "a", 1, 3);
    one->WriteClass("test", "a", 1, 1);
  }
  other.WriteClass("train", "b", 2, 1);
  const auto digest = [](const PictureFolder& one) { return LoadLabelled(Options(one.path()), kSide)->digest; };
  EXPECT_EQ(digest(folder), digest(same)) << "the folder's name is not part of it";
  EXPECT_NE(digest(folder), digest(other));
}

TEST(LabelledData, AFormatThatTheFolderDoesNotHoldIsNamed) {
  const PictureFolder folder;
  folder.WriteClass("train", "a", 1, 1);
  for (const char* format : {"idx", "tar", "xsdd"}) {
    ContinualOptions options = Options(folder.path());
    options.dataset = format;
    const auto data = LoadLabelled(options, kSide);
    ASSERT_FALSE(data.ok()) << format;
    EXPECT_NE(data.status().message().find(format), std::string::npos) << data.status().ToString();
  }
  ContinualOptions options = Options(folder.path());
  options.dataset = "folder";
  EXPECT_TRUE(LoadLabelled(options, kSide).ok());
  options.fold = 1;
  EXPECT_FALSE(LoadLabelled(options, kSide).ok()) << "a class folder has no folds";
}

TEST(SplitData, FoldsTakeTurnsUnlessOneIsNamed) {
  LabelledData data = PlainData(2, 10, 0);
  data.fold_count = 5;
  for (uint32_t i = 0; i < data.samples.size(); ++i) data.folds.push_back(i % 5);
  ContinualOptions options;
  std::set<uint32_t> tested;
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const auto split = SplitData(data, options, seed);
    ASSERT_TRUE(split.ok());
    EXPECT_EQ(split->test.size(), 4u);
    tested.insert(split->test.begin(), split->test.end());
  }
  EXPECT_EQ(tested.size(), 20u);
  EXPECT_EQ(SplitData(data, options, 1)->test.front(), 4u) << "the first seed tests on the last fold";
  options.fold = 2;
  EXPECT_EQ(SplitData(data, options, 1)->test, SplitData(data, options, 2)->test);
  EXPECT_EQ(SplitData(data, options, 1)->test.front(), 2u);
}

TEST(SplitData, QuickKeepsATenthOfEveryClass) {
  const LabelledData data = PlainData(3, 100, 20);
  ContinualOptions options;
  options.quick = true;
  const auto split = SplitData(data, options, 1);
  ASSERT_TRUE(split.ok());
  EXPECT_EQ(split->train.size(), 30u);
  EXPECT_EQ(split->test.size(), 6u);
}

TEST(ContinualOptions, WrongWordsAndNumbersAreRefusedWithTheClosest) {
  ContinualOptions options;
  options.data = "x";
  options.protocol = "rotatd";
  EXPECT_NE(options.Validate().hint().find("rotated"), std::string::npos);
  options = {};
  EXPECT_NE(options.Validate().message().find("--data"), std::string::npos);
  options.data = "x";
  EXPECT_TRUE(options.Validate().ok());
  options.label_noise = 1.5;
  EXPECT_FALSE(options.Validate().ok());
  options.label_noise = 0;
  options.network = "resnet9000";
  EXPECT_FALSE(options.Validate().ok());
}

TEST(ContinualOptions, DefaultsThatDependOnTheStrategyArePrinted) {
  ContinualOptions options;
  options.data = "x";
  EXPECT_NE(options.Resolved().Arguments().find("--policy class_balanced --augment on"), std::string::npos);
  options.strategy = "er";
  EXPECT_NE(options.Resolved().Arguments().find("--policy reservoir --augment off"), std::string::npos);
  options.policy = "class_balanced";
  EXPECT_NE(options.Resolved().Arguments().find("--policy class_balanced --augment off"), std::string::npos);
}

TEST(ShellQuoted, IsOneArgument) {
  EXPECT_EQ(ShellQuoted("/data/mnist"), "/data/mnist");
  EXPECT_EQ(ShellQuoted("my data"), "'my data'");
  EXPECT_EQ(ShellQuoted("it's"), "'it'\\''s'");
  EXPECT_EQ(ShellQuoted(""), "''");
}

}  // namespace
}  // namespace perennial::bench
