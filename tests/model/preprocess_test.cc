#include "serving/model/preprocess.h"

#include <gtest/gtest.h>

#include "model_fixture.h"
#include "storage/base/bytes.h"

namespace perennial::model {
namespace {

std::string Text(const std::vector<int64_t>& tokens) {
  std::string text;
  for (const int64_t token : tokens) {
    if (token != 0) text.push_back(static_cast<char>(token - 1));
  }
  return text;
}

media::Image Picture(int side, uint8_t first) {
  media::Image image{side, side, {}};
  for (int i = 0; i < 3 * side * side; ++i) image.pixels.push_back(static_cast<uint8_t>(first + 5 * i));
  return image;
}

TEST(Tokenize, BytesPlusOneThenPadding) {
  EXPECT_EQ(Tokenize("ab", 4), (std::vector<int64_t>{98, 99, 0, 0}));
  EXPECT_EQ(Tokenize("", 3), (std::vector<int64_t>{0, 0, 0}));
  EXPECT_EQ(Tokenize(std::string_view("\0\xff", 2), 2), (std::vector<int64_t>{1, 256}));
}

TEST(Tokenize, NeverCutsACharacter) {
  const std::string text = "a\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x94\xA7z";  // 1, 2, 3, 4 and 1 bytes
  const std::vector<size_t> expected{0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11};
  for (size_t max = 0; max < expected.size(); ++max) {
    const auto tokens = Tokenize(text, static_cast<int64_t>(max));
    EXPECT_EQ(tokens.size(), max);
    EXPECT_EQ(Text(tokens), text.substr(0, expected[max])) << max;
    EXPECT_TRUE(IsUtf8(Text(tokens))) << max;
  }
}

TEST(Tokenize, TextThatIsNotUtf8IsCutWhereItStands) {
  EXPECT_EQ(Text(Tokenize(std::string(20, '\x80'), 8)), std::string(8, '\x80'));
}

TEST(FitImage, ReturnsTheSquareOfTheSpecAndLeavesAFittingOneAlone) {
  const auto spec = TestSpec();
  const auto fitting = Picture(16, 3);
  EXPECT_EQ(FitImage(fitting, spec).pixels, fitting.pixels);
  const auto fitted = FitImage(Picture(40, 1), spec);
  EXPECT_EQ(fitted.width, 16);
  EXPECT_EQ(fitted.height, 16);
  EXPECT_EQ(fitted.pixels.size(), 3u * 16u * 16u);
}

TEST(MakeBatch, PutsEveryPixelOfEveryChannelInItsPlace) {
  const auto spec = TestSpec();
  const auto image = Picture(16, 9);
  const auto batch = MakeBatch({{nullptr, "q"}, {&image, {}}}, spec, torch::kCPU);
  ASSERT_EQ(batch.images.sizes(), torch::IntArrayRef({2, 3, 16, 16}));
  EXPECT_EQ(batch.images[0].abs().max().item<float>(), 0.0f);
  for (int64_t c = 0; c < 3; ++c) {
    for (int64_t p = 0; p < 256; ++p) {
      const double expected = image.pixels[static_cast<size_t>(3 * p + c)] / 127.5 - 1.0;
      EXPECT_NEAR(batch.images[1][c].view({-1})[p].item<double>(), expected, 1e-6);
    }
  }
  EXPECT_TRUE(torch::equal(batch.has_image, torch::tensor({false, true})));
  EXPECT_TRUE(torch::equal(batch.has_text, torch::tensor({true, false})));
}

TEST(MakeBatch, TokenLengthIsThatOfTheSpecWhateverTheTexts) {
  const auto batch = MakeBatch({{nullptr, "a"}, {nullptr, std::string_view("ok")}}, TestSpec(), torch::kCPU);
  ASSERT_EQ(batch.tokens.sizes(), torch::IntArrayRef({2, 24}));
  EXPECT_EQ(batch.tokens[1][1].item<int64_t>(), 'k' + 1);
  EXPECT_EQ(batch.tokens.sum().item<int64_t>(), ('a' + 1) + ('o' + 1) + ('k' + 1));
}

TEST(MakeBatch, AnImageOfAnotherSizeIsFitted) {
  const auto spec = TestSpec();
  const auto image = Picture(30, 2);
  const auto fitted = FitImage(image, spec);
  EXPECT_TRUE(torch::equal(MakeBatch({{&image, {}}}, spec, torch::kCPU).images,
                           MakeBatch({{&fitted, {}}}, spec, torch::kCPU).images));
}

TEST(MakeBatch, GoesToTheDeviceAndThroughTheModel) {
  for (const auto device : TestDevices()) {
    auto model = TestModel(3, 1);
    model->to(device);
    const auto image = Picture(16, 2);
    const auto batch = MakeBatch({{&image, "what is it"}, {nullptr, "note"}}, TestSpec(), device);
    EXPECT_EQ(batch.tokens.device().type(), device);
    EXPECT_EQ(model->Forward(batch).logits.sizes(), torch::IntArrayRef({2, 3}));
  }
}

}  // namespace
}  // namespace perennial::model
