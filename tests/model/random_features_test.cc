#include "serving/model/random_features.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <thread>

#include "serving/model/text_terms.h"
#include "storage/base/hash.h"

namespace perennial::model {
namespace {

// Samples with random pictures (bytes) and the given texts; sample i has no picture where `blind` says so.
struct Batch {
  int64_t side, length = 40;
  std::vector<float> images;
  std::vector<int64_t> tokens;
  std::unique_ptr<bool[]> has_image, has_text;
  int64_t count;

  Batch(int64_t side_in, const std::vector<std::string>& texts, uint64_t seed)
      : side(side_in),
        has_image(new bool[texts.size()]),
        has_text(new bool[texts.size()]),
        count(static_cast<int64_t>(texts.size())) {
    tokens.resize(texts.size() * static_cast<size_t>(length));
    for (size_t i = 0; i < texts.size(); ++i) {
      Rng rng(seed, i);
      for (int64_t p = 0; p < 3 * side * side; ++p) images.push_back(Pixel(rng.Below(256)));
      has_image[i] = true;
      has_text[i] = !texts[i].empty();
      for (size_t k = 0; k < texts[i].size() && k < static_cast<size_t>(length); ++k) {
        tokens[i * static_cast<size_t>(length) + k] = static_cast<uint8_t>(texts[i][k]) + 1;
      }
    }
  }
  static float Pixel(uint64_t byte) { return static_cast<float>(static_cast<double>(byte) / 127.5 - 1.0); }
  FeatureInput View(int64_t first = 0, int64_t rows = -1) const {
    FeatureInput view;
    view.batch = rows < 0 ? count : rows;
    view.side = side;
    view.text_length = length;
    view.images = images.data() + first * 3 * side * side;
    view.has_image = has_image.get() + first;
    view.tokens = tokens.data() + first * length;
    view.has_text = has_text.get() + first;
    return view;
  }
};

RandomFeatures Make(int64_t features, uint64_t seed, int64_t image_size) {
  auto made = RandomFeatures::Make({features, seed, image_size});
  EXPECT_TRUE(made.ok()) << made.status().ToString();
  return *std::move(made);
}

std::vector<float> Extract(const RandomFeatures& features, const FeatureInput& input) {
  std::vector<float> out(static_cast<size_t>(input.batch * features.features()), -1.0f);
  features.Extract(input, out.data());
  return out;
}

std::vector<float> Row(const std::vector<float>& all, int64_t width, int64_t row) {
  return {all.begin() + row * width, all.begin() + (row + 1) * width};
}

const std::vector<std::string> kTexts{"",      "is there a red shape?", "what color is the circle?", "",
                                      "x",     "IS there, a RED shape", "is there no red shape?",    "",
                                      "what?", "is there a red shape?"};

TEST(RandomFeatures, AreIntegersOfTheStatedRangeAndManyOfThem) {
  const RandomFeatures features = Make(300, 5, 28);
  const Batch batch(28, kTexts, 1);
  const std::vector<float> out = Extract(features, batch.View());
  std::vector<int> seen(128);
  for (const float value : out) {
    ASSERT_GE(value, 0);
    ASSERT_LE(value, 127);
    ASSERT_EQ(value, std::floor(value));
    ++seen[static_cast<size_t>(value)];
  }
  EXPECT_GT(std::count_if(seen.begin(), seen.end(), [](int n) { return n > 0; }), 60) << "the range is used";
}

TEST(RandomFeatures, AreTheSameForEveryBatchAndThread) {
  const RandomFeatures features = Make(200, 5, 32);
  const Batch batch(32, kTexts, 2);
  const std::vector<float> whole = Extract(features, batch.View());
  for (int64_t i = 0; i < batch.count; ++i) {
    EXPECT_EQ(Extract(features, batch.View(i, 1)), Row(whole, 200, i)) << "sample " << i;
  }
  // Again from the seed, on another thread.
  std::vector<float> other;
  std::thread([&] { other = Extract(Make(200, 5, 32), batch.View()); }).join();
  EXPECT_EQ(other, whole);
}

// The recipe "patch-1" is part of the wire format: what a seed means may never change, on no machine.
TEST(RandomFeatures, RecipeStaysAsItIs) {
  const RandomFeatures features = Make(256, 42, 28);
  const Batch batch(28, kTexts, 3);
  const std::vector<float> out = Extract(features, batch.View());
  std::string bytes;
  for (const float value : out) bytes.push_back(static_cast<char>(value));
  EXPECT_EQ(Sha256(bytes).Short(), "234c2f2ac518");
}

TEST(RandomFeatures, AWiderSetStartsWithTheNarrowOne) {
  const Batch batch(28, kTexts, 4);
  const std::vector<float> narrow = Extract(Make(64, 9, 28), batch.View());
  const std::vector<float> wide = Extract(Make(96, 9, 28), batch.View());
  for (int64_t i = 0; i < batch.count; ++i) {
    const std::vector<float> row = Row(wide, 96, i);
    EXPECT_EQ(std::vector<float>(row.begin(), row.begin() + 64), Row(narrow, 64, i));
  }
}

TEST(RandomFeatures, SeedsGiveDifferentFeatures) {
  const Batch batch(28, {""}, 5);
  EXPECT_NE(Extract(Make(64, 1, 28), batch.View()), Extract(Make(64, 2, 28), batch.View()));
}

TEST(RandomFeatures, BrightnessAndContrastDoNotMatter) {
  Batch dim(28, {""}, 6), bright(28, {""}, 6);
  for (size_t i = 0; i < dim.images.size(); ++i) {
    const auto byte = static_cast<uint64_t>(std::lround((static_cast<double>(dim.images[i]) + 1) * 127.5)) / 4;
    dim.images[i] = Batch::Pixel(10 + byte);
    bright.images[i] = Batch::Pixel(40 + 3 * byte);
  }
  const RandomFeatures features = Make(500, 7, 28);
  EXPECT_EQ(Extract(features, dim.View()), Extract(features, bright.View()));
}

TEST(RandomFeatures, TextDecidesWithThePictureAndWithout) {
  const RandomFeatures features = Make(600, 8, 28);
  Batch batch(28, {"", "is there a red shape?", "what color is it?", "is there a red shape?"}, 7);
  // The same picture four times.
  const size_t pixels = static_cast<size_t>(3 * 28 * 28);
  for (size_t i = 1; i < 4; ++i)
    std::copy_n(batch.images.begin(), pixels, batch.images.begin() + static_cast<std::ptrdiff_t>(i * pixels));
  const std::vector<float> seen = Extract(features, batch.View());
  EXPECT_NE(Row(seen, 600, 0), Row(seen, 600, 1));
  EXPECT_NE(Row(seen, 600, 1), Row(seen, 600, 2));
  EXPECT_EQ(Row(seen, 600, 1), Row(seen, 600, 3));
  for (int i = 0; i < 4; ++i) batch.has_image[static_cast<size_t>(i)] = false;
  const std::vector<float> blind = Extract(features, batch.View());
  EXPECT_EQ(Row(blind, 600, 0), std::vector<float>(600)) << "neither picture nor text: nothing";
  EXPECT_NE(Row(blind, 600, 1), Row(blind, 600, 2));
  EXPECT_EQ(Row(blind, 600, 1), Row(blind, 600, 3));
  EXPECT_NE(Row(blind, 600, 1), Row(seen, 600, 1));
}

TEST(RandomFeatures, WhatIsHiddenHasNoInfluence) {
  const RandomFeatures features = Make(200, 8, 16);
  Batch a(16, {"word", "word"}, 8), b(16, {"word", "word"}, 9);
  b.images.assign(b.images.size(), std::numeric_limits<float>::quiet_NaN());
  a.has_image[0] = a.has_image[1] = b.has_image[0] = b.has_image[1] = false;
  EXPECT_EQ(Extract(features, a.View()), Extract(features, b.View()));
}

TEST(RandomFeatures, OddPicturesGiveFeaturesToo) {
  for (const int64_t side : {8, 9, 33, 50, 100}) {
    const RandomFeatures features = Make(64, 3, side);
    Batch batch(side, {"", ""}, 10);
    std::fill_n(batch.images.begin(), batch.images.size() / 2, 1.0f);  // flat
    batch.images.back() = std::numeric_limits<float>::infinity();
    for (const float value : Extract(features, batch.View())) {
      ASSERT_TRUE(value >= 0 && value <= 127) << side;
    }
  }
}

TEST(RandomFeatures, OptionsAreChecked) {
  EXPECT_FALSE(RandomFeatures::Make({15, 1, 28}).ok());
  EXPECT_FALSE(RandomFeatures::Make({16385, 1, 28}).ok());
  EXPECT_FALSE(RandomFeatures::Make({100, 1, 7}).ok());
  EXPECT_FALSE(RandomFeatures::Make({100, 1, 5000}).ok());
}

TEST(TextTerms, AreWordsPairsAndTheWhole) {
  const auto terms = [](const std::string& text) {
    std::vector<int64_t> tokens;
    for (const char c : text) tokens.push_back(static_cast<uint8_t>(c) + 1);
    tokens.resize(tokens.size() + 3);
    return TermsOf(tokens.data(), static_cast<int64_t>(tokens.size()));
  };
  EXPECT_EQ(terms("red shape").terms.size(), 3u);
  EXPECT_EQ(terms("Red, shape!").terms, terms("red shape").terms);
  EXPECT_EQ(terms("Red, shape!").whole, terms("red shape").whole);
  EXPECT_NE(terms("shape red").terms, terms("red shape").terms);
  EXPECT_NE(terms("shape red").whole, terms("red shape").whole);
  EXPECT_EQ(terms("a a a a").terms.size(), 2u) << "a term counts once";
  EXPECT_TRUE(terms(" ?! ").terms.empty());
  EXPECT_NE(terms("gr\xc3\xbcn").terms, terms("gr\xc3\xa4n").terms);
}

}  // namespace
}  // namespace perennial::model
