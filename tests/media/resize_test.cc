#include <gtest/gtest.h>

#include "storage/base/hash.h"
#include "storage/media/image.h"
#include "tests/media/pictures.h"

namespace perennial::media {
namespace {

Image Grey(int width, int height, std::initializer_list<int> values) {
  Image image{width, height, {}};
  for (const int v : values) image.pixels.insert(image.pixels.end(), 3, static_cast<uint8_t>(v));
  return image;
}

TEST(Resize, HalvingIsTheRoundedMeanOfFour) {
  const Image out = Resize(Grey(4, 2, {0, 10, 100, 101, 20, 31, 102, 104}), 2, 1);
  EXPECT_EQ(out.pixels, Grey(2, 1, {15, 102}).pixels);  // 61 / 4 = 15.25, 407 / 4 = 101.75
}

TEST(Resize, ShrinkingWeighsCutPixelsByTheirArea) {
  // Three to two: each output is one whole pixel and half of the middle one.
  EXPECT_EQ(Resize(Grey(3, 1, {0, 90, 255}), 2, 1).pixels, Grey(2, 1, {30, 200}).pixels);
}

TEST(Resize, GrowingIsBilinearWithAlignedCentres) {
  // Positions -0.25, 0.25, 0.75, 1.25: edges repeat.
  EXPECT_EQ(Resize(Grey(2, 1, {0, 100}), 4, 1).pixels, Grey(4, 1, {0, 25, 75, 100}).pixels);
}

TEST(Resize, OneAxisMayGrowWhileTheOtherShrinks) {
  const Image out = Resize(Grey(2, 2, {0, 100, 50, 150}), 4, 1);
  EXPECT_EQ(out.pixels, Grey(4, 1, {25, 50, 100, 125}).pixels);
}

TEST(Resize, AFlatPictureStaysFlatAtAnySize) {
  Image flat{37, 23, std::vector<uint8_t>(37 * 23 * 3, 173)};
  for (const auto& [w, h] : {std::pair{1, 1}, {36, 23}, {38, 22}, {100, 7}, {74, 46}, {5, 200}}) {
    const Image out = Resize(flat, w, h);
    ASSERT_EQ(out.width, w);
    ASSERT_EQ(out.height, h);
    for (const uint8_t v : out.pixels) ASSERT_EQ(v, 173);
  }
}

TEST(Resize, SameSizeIsTheSamePicture) {
  const Image picture = MakePicture(12, 12, 9);
  EXPECT_EQ(Resize(picture, 12, 12).pixels, picture.pixels);
}

TEST(Resize, NothingInOrNothingAskedIsAnEmptyPicture) {
  EXPECT_TRUE(Resize(Image{}, 4, 4).pixels.empty());
  EXPECT_TRUE(Resize(MakePicture(4, 4, 1), 0, 4).pixels.empty());
}

TEST(Resize, GoldenHashes) {
  const Image picture = MakePicture(64, 48, 11);
  const auto hash = [&](int w, int h) {
    const Image out = Resize(picture, w, h);
    return Sha256({reinterpret_cast<const char*>(out.pixels.data()), out.pixels.size()}).Short();
  };
  EXPECT_EQ(hash(32, 32), "a6de6cc2b8fc");
  EXPECT_EQ(hash(27, 31), "57e544146b95");
  EXPECT_EQ(hash(100, 90), "21921cf422b9");
}

}  // namespace
}  // namespace perennial::media
