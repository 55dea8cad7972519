#include "storage/sources/simulator.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

#include "storage/base/bytes.h"
#include "storage/base/hash.h"
#include "tests/sources/fixtures.h"

namespace perennial::sources {
namespace {

std::vector<format::Sample> Draw(const SimulatorOptions& options) {
  std::vector<format::Sample> samples;
  auto source = OpenSimulator(options);
  EXPECT_TRUE(source.ok()) << source.status().ToString();
  while (source.ok()) {
    auto item = (*source)->Next();
    EXPECT_TRUE(item.ok());
    if (!item.ok() || !item->has_value()) break;
    EXPECT_TRUE((*item)->sample.ok());
    samples.push_back(std::move(*(*item)->sample));
  }
  return samples;
}

SimulatorOptions Small() {
  SimulatorOptions options;
  options.train_per_slice = 40;
  options.test_per_slice = 10;
  return options;
}

// Accuracy of always giving the most frequent answer of `key`.
double BestBy(const std::vector<format::Sample>& samples,
              const std::function<std::string(const format::Sample&)>& key) {
  std::map<std::string, std::map<std::string, int>> answers;
  for (const format::Sample& sample : samples) ++answers[key(sample)][*sample.label];
  int right = 0;
  for (const auto& [unused, counts] : answers) {
    int most = 0;
    for (const auto& [label, count] : counts) most = std::max(most, count);
    right += most;
  }
  return static_cast<double>(right) / static_cast<double>(samples.size());
}

TEST(Simulator, EachSliceGivesItsTestPartThenItsTrainingPart) {
  const auto samples = Draw(Small());
  ASSERT_EQ(samples.size(), 5u * 50);
  const auto slices = SimulatorSlices();
  for (size_t i = 0; i < samples.size(); ++i) {
    EXPECT_EQ(samples[i].slice, slices[i / 50]);
    EXPECT_EQ(samples[i].part, i % 50 < 10 ? format::Part::kTest : format::Part::kTrain);
    EXPECT_TRUE(format::ValidateSample(samples[i], {}).ok());
  }
}

TEST(Simulator, PicturesDecodeAndNoTestPictureIsTrainedOn) {
  std::map<std::string, std::set<format::Part>> parts;
  std::set<std::string> ids;
  for (const auto& sample : Draw(Small())) {
    const auto image = media::DecodeImage(sample.image, {});
    ASSERT_TRUE(image.ok());
    EXPECT_EQ(image->width, 64);
    parts[sample.image].insert(sample.part);
    EXPECT_TRUE(ids.insert(sample.id).second) << sample.id;
  }
  for (const auto& [unused, seen] : parts) EXPECT_EQ(seen.size(), 1u);
}

TEST(Simulator, NeitherQuestionNorPictureAloneTellsTheAnswer) {
  SimulatorOptions options;
  options.image_size = 16;  // the answers do not depend on it
  options.train_per_slice = 3000;
  options.test_per_slice = 0;
  options.chinese_share = 0;
  std::map<std::string, std::vector<format::Sample>> slices;
  for (auto& sample : Draw(options)) slices[sample.slice].push_back(std::move(sample));
  for (const auto& [slice, samples] : slices) {
    EXPECT_LE(BestBy(samples, [](const auto& s) { return s.text; }), 0.6) << slice;
    EXPECT_LE(BestBy(samples, [](const auto& s) { return s.group; }), 0.6) << slice;
  }
}

TEST(Simulator, LabelsDifferFromSliceToSlice) {
  std::map<std::string, std::set<std::string>> labels;
  for (const auto& sample : Draw(Small())) labels[sample.slice].insert(*sample.label);
  EXPECT_EQ(labels["base"], (std::set<std::string>{"scratch", "pit", "stain", "brushed steel", "cast aluminium"}));
  EXPECT_EQ(labels["new-question"], (std::set<std::string>{"yes", "no", "accept", "reject"}));
  EXPECT_TRUE(labels["new-camera"].contains("four"));
}

TEST(Simulator, ShareOfChineseIsAsAskedAndTheTextsAreUtf8) {
  SimulatorOptions options = Small();
  const auto chinese = [&](double share) {
    options.chinese_share = share;
    size_t count = 0;
    for (const auto& sample : Draw(options)) {
      EXPECT_TRUE(IsUtf8(sample.text));
      EXPECT_EQ(sample.text.find('{'), std::string::npos) << sample.text;
      count += static_cast<uint8_t>(sample.text[0]) >= 0x80 ? 1 : 0;
    }
    return count;
  };
  EXPECT_EQ(chinese(0), 0u);
  EXPECT_EQ(chinese(1), 250u);
  EXPECT_NEAR(static_cast<double>(chinese(0.3)), 75, 30);
}

TEST(Simulator, EqualSeedsGiveEqualSamplesAndOthersDoNot) {
  SimulatorOptions options = Small();
  const auto first = Draw(options);
  EXPECT_EQ(Draw(options), first);
  options.seed = 2;
  EXPECT_NE(Draw(options), first);
}

TEST(Simulator, ASliceLooksTheSameInAnySchedule) {
  SimulatorOptions options = Small();
  options.schedule = {"new-surface"};
  const auto alone = Draw(options);
  options.schedule = {"new-camera", "new-surface"};
  const auto both = Draw(options);
  EXPECT_TRUE(std::equal(alone.begin(), alone.end(), both.begin() + 50));
}

TEST(Simulator, GoldenHashOfTheFirstSamples) {
  // Over pixels and texts, not over file bytes: those depend on the zlib in use.
  Sha256Stream hash;
  for (const auto& sample : Draw(Small())) {
    const auto image = media::DecodeImage(sample.image, {});
    ASSERT_TRUE(image.ok());
    hash.Update({reinterpret_cast<const char*>(image->pixels.data()), image->pixels.size()});
    hash.Update(sample.text + "\n" + *sample.label + "\n" + sample.id + "\n");
  }
  EXPECT_EQ(hash.Finish().Short(), "4311e99b4f4b");
}

TEST(Simulator, BadOptionsAreErrors) {
  SimulatorOptions options;
  options.schedule = {"new-camra"};
  const Status status = OpenSimulator(options).status();
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_NE(status.hint().find("new-camera"), std::string::npos);
  options.schedule = {"base", "base"};
  EXPECT_FALSE(options.Validate().ok());
  options.schedule = {};
  options.image_size = 8;
  EXPECT_FALSE(options.Validate().ok());
  options.image_size = 64;
  options.questions_per_image = 0;
  EXPECT_FALSE(options.Validate().ok());
}

class DatasetWriter : public testing::TestWithParam<DatasetLayout> {};

TEST_P(DatasetWriter, WhatIsWrittenIsReadBackInTheSameOrder) {
  const Data data;
  SimulatorOptions options = Small();
  options.jpeg = true;
  const std::string path = data.path() + "/set";
  ASSERT_TRUE(WriteDataset(options, path, GetParam()).ok());
  const auto wanted = Draw(options);
  const auto items = ReadAll(path);
  ASSERT_EQ(items.size(), wanted.size());
  for (size_t i = 0; i < items.size(); ++i) {
    ASSERT_TRUE(items[i].sample.ok()) << items[i].pointer;
    const format::Sample& got = *items[i].sample;
    EXPECT_EQ(got.image, wanted[i].image);
    EXPECT_EQ(got.text, wanted[i].text);
    EXPECT_EQ(got.label, wanted[i].label);
    EXPECT_EQ(got.slice, wanted[i].slice);
    EXPECT_EQ(got.part, wanted[i].part);
  }
  EXPECT_EQ(WriteDataset(options, path, GetParam()).code(), Code::kAlreadyExists);
}

INSTANTIATE_TEST_SUITE_P(Layouts, DatasetWriter, testing::Values(DatasetLayout::kFolder, DatasetLayout::kTar));

}  // namespace
}  // namespace perennial::sources
