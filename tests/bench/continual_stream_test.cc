#include "api/bench/continual_stream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "tests/bench/pictures.h"

namespace perennial::bench {
namespace {

constexpr int kSide = 28;

ContinualOptions Options(const std::string& protocol) {
  ContinualOptions options;
  options.data = "x";
  options.protocol = protocol;
  return options.Resolved();
}

ContinualStream Stream(const LabelledData& data, const ContinualOptions& options, uint64_t seed = 1) {
  const auto split = SplitData(data, options, seed);
  EXPECT_TRUE(split.ok()) << split.status().ToString();
  auto stream = MakeStream(data, *split, options, kSide, seed);
  EXPECT_TRUE(stream.ok()) << stream.status().ToString();
  return stream.ok() ? std::move(*stream) : ContinualStream();
}

std::vector<uint32_t> Order(const ContinualStream& stream) {
  std::vector<uint32_t> order;
  for (const StreamPart& part : stream.parts) {
    for (const StreamItem& item : part.items) order.push_back(item.sample);
  }
  return order;
}

LabelledData WithPictures(LabelledData data) {
  for (size_t i = 0; i < data.samples.size(); ++i) {
    data.samples[i].image = Picture(kSide, kSide, static_cast<uint8_t>(20 * i % 250), 30, 200, i);
  }
  return data;
}

TEST(ContinualStream, IsAFunctionOfTheSeed) {
  const LabelledData data = PlainData(6, 40, 5);
  for (const char* protocol : {"split", "blurry", "longtail", "slices", "shuffled"}) {
    const ContinualOptions options = Options(protocol);
    const auto one = Stream(data, options, 1);
    EXPECT_EQ(Order(one), Order(Stream(data, options, 1))) << protocol;
    EXPECT_NE(Order(one), Order(Stream(data, options, 2))) << protocol;
  }
}

TEST(ContinualStream, SplitTakesClassesInOrderAndALastPartHasTheRest) {
  const LabelledData data = PlainData(5, 40, 5);
  const auto stream = Stream(data, Options("split"));
  EXPECT_EQ(stream.slices, (std::vector<std::string>{"0+1", "2+3", "4"}));
  ASSERT_EQ(stream.parts.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(stream.tests[i].size(), i < 2 ? 10u : 5u);
    for (const StreamItem& item : stream.parts[i].items) {
      EXPECT_NE(stream.slices[i].find(stream.TrueLabel(item)), std::string::npos);
    }
  }
  EXPECT_TRUE(stream.HasBoundaries());
}

TEST(ContinualStream, OneClassIsOneSlice) {
  const LabelledData data = PlainData(1, 20, 5);
  const auto stream = Stream(data, Options("split"));
  EXPECT_EQ(stream.slices, std::vector<std::string>{"0"});
  EXPECT_FALSE(stream.HasBoundaries());
  ContinualOptions noisy = Options("split");
  noisy.label_noise = 0.1;
  EXPECT_FALSE(MakeStream(data, *SplitData(data, noisy, 1), noisy, kSide, 1).ok());
}

TEST(ContinualStream, NoGroupOfTheGateIsTrainedOn) {
  const LabelledData data = PlainData(6, 60, 5);
  for (const char* protocol : {"split", "blurry", "slices", "shuffled"}) {
    const auto stream = Stream(data, Options(protocol));
    std::set<std::string> kept;
    uint64_t gate = 0;
    for (const auto& slice : stream.gate) {
      EXPECT_FALSE(slice.empty()) << protocol;
      for (const StreamItem& item : slice) kept.insert(data.samples[item.sample].group);
      gate += slice.size();
    }
    for (const uint32_t sample : Order(stream)) EXPECT_EQ(kept.count(data.samples[sample].group), 0u) << protocol;
    EXPECT_LE(gate + stream.TrainSize(), 360u);
    EXPECT_GT(stream.TrainSize(), 250u);
  }
}

TEST(ContinualStream, TheGateHasAboutAThousandOfALargeSlice) {
  const LabelledData data = PlainData(2, 20000, 5);
  const auto stream = Stream(data, Options("split"));
  EXPECT_GE(stream.gate[0].size(), 950u);
  EXPECT_LE(stream.gate[0].size(), 1250u);
}

TEST(ContinualStream, JointMixesEverythingInOnePart) {
  const LabelledData data = PlainData(4, 50, 5);
  ContinualOptions options = Options("split");
  options.strategy = "joint";
  const auto stream = Stream(data, options);
  ASSERT_EQ(stream.parts.size(), 1u);
  EXPECT_EQ(stream.slices.size(), 2u);
  EXPECT_FALSE(std::is_sorted(stream.parts[0].items.begin(), stream.parts[0].items.end(),
                              [](const StreamItem& a, const StreamItem& b) { return a.slice < b.slice; }));
}

TEST(ContinualStream, BlurrySwapsTheShareWithNeighboursOnlyAndTestsStayClear) {
  const LabelledData data = PlainData(10, 500, 5);
  const auto stream = Stream(data, Options("blurry"));
  for (size_t i = 0; i < stream.parts.size(); ++i) {
    double foreign = 0;
    for (const StreamItem& item : stream.parts[i].items) {
      EXPECT_LE(std::abs(static_cast<int>(item.slice) - static_cast<int>(i)), 1);
      foreign += item.slice != i ? 1 : 0;
    }
    const bool end = i == 0 || i + 1 == stream.parts.size();
    EXPECT_NEAR(foreign / static_cast<double>(stream.parts[i].items.size()), end ? 0.1 : 0.2, 0.02) << i;
    for (const StreamItem& item : stream.tests[i]) EXPECT_EQ(item.slice, i);
  }
  std::vector<uint32_t> blurred = Order(stream), clear = Order(Stream(data, Options("split")));
  std::sort(blurred.begin(), blurred.end());
  std::sort(clear.begin(), clear.end());
  EXPECT_EQ(blurred, clear) << "nothing is lost or doubled";
}

TEST(ContinualStream, LongTailFallsToAHundredthAndTestsAreBalanced) {
  LabelledData data = PlainData(10, 1000, 20);
  ContinualOptions options = Options("longtail");
  options.held_out = 0;
  const auto stream = Stream(data, options);
  std::map<std::string, double> size, tests;
  for (const StreamPart& part : stream.parts) {
    for (const StreamItem& item : part.items) ++size[stream.TrueLabel(item)];
  }
  for (const auto& slice : stream.tests) {
    for (const StreamItem& item : slice) ++tests[stream.TrueLabel(item)];
  }
  std::vector<double> sizes;
  for (const auto& [label, count] : size) sizes.push_back(count);
  std::sort(sizes.rbegin(), sizes.rend());
  ASSERT_EQ(sizes.size(), 10u);
  for (size_t k = 0; k < 10; ++k) {
    EXPECT_NEAR(sizes[k], 1000 * std::pow(0.01, static_cast<double>(k) / 9), 1) << k;
  }
  for (const auto& [label, count] : tests) EXPECT_EQ(count, 20) << label;
}

TEST(ContinualStream, WrongLabelsAreTheShareOfTrainingAndNeverTestOrGate) {
  const LabelledData data = PlainData(5, 1000, 20);
  ContinualOptions options = Options("split");
  options.label_noise = 0.3;
  const auto stream = Stream(data, options);
  double wrong = 0;
  std::map<uint32_t, double> other;
  for (const StreamPart& part : stream.parts) {
    for (const StreamItem& item : part.items) {
      if (item.wrong_label == StreamItem::kTrueLabel) continue;
      ++wrong;
      ++other[item.wrong_label];
      EXPECT_NE(data.labels[item.wrong_label], stream.TrueLabel(item));
      EXPECT_EQ(*stream.Make(item)->label, data.labels[item.wrong_label]);
      EXPECT_EQ(stream.Make(item)->slice, stream.slices[item.slice]) << "it stays where it stood";
    }
  }
  EXPECT_NEAR(wrong / static_cast<double>(stream.TrainSize()), 0.3, 0.03);
  for (const auto& [label, count] : other) EXPECT_NEAR(count / wrong, 0.2, 0.05);
  for (const auto* lists : {&stream.tests, &stream.gate}) {
    for (const auto& slice : *lists) {
      for (const StreamItem& item : slice) EXPECT_EQ(item.wrong_label, StreamItem::kTrueLabel);
    }
  }
}

TEST(ContinualStream, TheSaboteurStaysInTheMiddleTwentieth) {
  const LabelledData data = PlainData(4, 1000, 5);
  ContinualOptions options = Options("split");
  options.saboteur = 1;
  const auto stream = Stream(data, options);
  const uint64_t total = stream.TrainSize();
  uint64_t at = 0, wrong = 0;
  for (const StreamPart& part : stream.parts) {
    for (const StreamItem& item : part.items) {
      if (item.wrong_label != StreamItem::kTrueLabel) {
        ++wrong;
        EXPECT_GE(at, total * 19 / 40);
        EXPECT_LT(at, total - total * 19 / 40);
      }
      ++at;
    }
  }
  EXPECT_NEAR(static_cast<double>(wrong), static_cast<double>(total) / 20, 2);
}

TEST(ContinualStream, SourcesAreDrawnByGroupAndPoisonIsSentByItsOwn) {
  const LabelledData data = PlainData(4, 1000, 5);
  ContinualOptions options = Options("split");
  options.sources = 10;
  options.poison_share = 0.5;
  const auto stream = Stream(data, options);
  ContinualOptions clean = options;
  clean.poison_share = 0;
  const auto before = Stream(data, clean);
  std::map<std::string, double> sent;
  std::map<std::string, std::string> of_group;
  std::set<std::pair<std::string, std::string>> ids;
  for (size_t part = 0; part < stream.parts.size(); ++part) {
    std::vector<uint32_t> own;
    for (const StreamItem& item : stream.parts[part].items) {
      const auto sample = stream.Make(item);
      EXPECT_TRUE(ids.insert({sample->source, sample->id}).second) << "the log takes each once";
      ++sent[sample->source];
      EXPECT_EQ(*sample->label != stream.TrueLabel(item), item.poison);
      if (item.poison) continue;
      own.push_back(item.sample);
      const auto [at, first] = of_group.try_emplace(sample->group, sample->source);
      EXPECT_EQ(at->second, sample->source);
    }
    std::vector<uint32_t> expected;
    for (const StreamItem& item : before.parts[part].items) expected.push_back(item.sample);
    EXPECT_EQ(own, expected) << "poison comes between, the rest stays as it was";
  }
  EXPECT_EQ(sent.size(), 11u);
  const auto honest = static_cast<double>(before.TrainSize());
  EXPECT_NEAR(sent["poison"] / honest, 0.5, 0.05);
  for (const auto& [source, count] : sent) {
    if (source != "poison") {
      EXPECT_NEAR(count / honest, 0.1, 0.04) << source;
    }
  }
}

TEST(ContinualStream, ALoudSourceSendsEachSampleSoOftenInARow) {
  const LabelledData data = PlainData(4, 500, 5);
  ContinualOptions options = Options("split");
  options.sources = 10;
  options.duplicate_source = 7;
  ASSERT_TRUE(options.Validate().ok());
  const auto stream = Stream(data, options);
  std::map<uint32_t, int> times;
  std::set<std::string> ids;
  uint32_t last = UINT32_MAX;
  for (const StreamPart& part : stream.parts) {
    for (const StreamItem& item : part.items) {
      if (times[item.sample]++ > 0) {
        EXPECT_EQ(item.sample, last);
      }
      last = item.sample;
      const auto sample = stream.Make(item);
      EXPECT_TRUE(ids.insert(sample->id).second);
      EXPECT_EQ(*sample->label, stream.TrueLabel(item));
    }
  }
  size_t loud = 0;
  for (const auto& [sample, count] : times) {
    EXPECT_TRUE(count == 1 || count == 7) << count;
    loud += count == 7 ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(loud) / static_cast<double>(times.size()), 0.1, 0.04);
  options.sources = 1;
  EXPECT_FALSE(options.Validate().ok());
}

TEST(ContinualStream, SlicesComeInTheOrderOfTheData) {
  LabelledData data = PlainData(4, 40, 5);
  data.slices = {"odd", "even"};
  EXPECT_EQ(Stream(data, Options("slices")).slices, data.slices);
  for (format::Sample& sample : data.samples) sample.slice = "default";
  data.slices = {"default"};
  const auto one = MakeStream(data, *SplitData(data, Options("slices"), 1), Options("slices"), kSide, 1);
  ASSERT_FALSE(one.ok());
  EXPECT_NE(one.status().hint().find("slices.toml"), std::string::npos);
}

TEST(ContinualStream, TestSamplesOfClassesNeverTrainedAreCountedOut) {
  LabelledData data = PlainData(3, 40, 5);
  std::erase_if(data.samples,
                [](const format::Sample& s) { return *s.label == "2" && s.part == format::Part::kTrain; });
  EXPECT_EQ(Stream(data, Options("split")).dropped_tests, 5u);
}

TEST(ContinualStream, PermutedTasksShareClassesAndTheFirstIsAsItWas) {
  const LabelledData data = WithPictures(PlainData(2, 20, 3));
  ContinualOptions options = Options("permuted");
  options.tasks = 3;
  const auto stream = Stream(data, options);
  ASSERT_EQ(stream.slices.size(), 3u);
  const StreamItem item = stream.tests[0][0];
  EXPECT_EQ(stream.Make(item)->image, data.samples[item.sample].image);
  std::set<std::string> images, ids;
  for (uint32_t slice = 0; slice < 3; ++slice) {
    const auto made = stream.Make({item.sample, slice});
    images.insert(made->image);
    ids.insert(made->id);
    EXPECT_EQ(stream.tests[slice].size(), 6u);
  }
  EXPECT_EQ(images.size(), 3u);
  EXPECT_EQ(ids.size(), 3u);
  const auto sorted = [](media::Image image) {
    std::sort(image.pixels.begin(), image.pixels.end());
    return image.pixels;
  };
  const auto original = media::DecodeImage(data.samples[item.sample].image, {});
  EXPECT_EQ(sorted(stream.tasks[1].Apply(*original)), sorted(*original)) << "no pixel is lost";
}

TEST(ContinualStream, RotatedTasksHaveAnglesBelow180AndFewerSamplesWhenAsked) {
  const LabelledData data = WithPictures(PlainData(2, 20, 3));
  ContinualOptions options = Options("rotated");
  ASSERT_EQ(options.tasks, 20u);
  options.samples_per_task = 10;
  const auto stream = Stream(data, options);
  std::set<double> angles;
  for (const PictureTask& task : stream.tasks) {
    EXPECT_GE(task.degrees(), 0);
    EXPECT_LT(task.degrees(), 180);
    angles.insert(task.degrees());
  }
  EXPECT_EQ(angles.size(), 20u);
  EXPECT_LE(stream.TrainSize(), 200u);
  const LabelledData texts = PlainData(2, 20, 3);
  EXPECT_FALSE(MakeStream(texts, *SplitData(texts, options, 1), options, kSide, 1).ok()) << "texts do not turn";
}

TEST(PictureTask, AQuarterTurnMovesPixelsExactly) {
  media::Image image{3, 3, {}};
  for (uint8_t i = 0; i < 9; ++i) image.pixels.insert(image.pixels.end(), 3, static_cast<uint8_t>(10 * i));
  const media::Image turned = PictureTask::Rotation(90).Apply(image);
  // Counter-clockwise: the right column becomes the top row.
  const std::vector<int> expected = {20, 50, 80, 10, 40, 70, 0, 30, 60};
  for (size_t i = 0; i < 9; ++i) EXPECT_EQ(turned.pixels[3 * i], expected[i]) << i;
  const media::Image back = PictureTask::Rotation(-90).Apply(turned);
  EXPECT_EQ(back.pixels, image.pixels);
}

}  // namespace
}  // namespace perennial::bench
