#include "trainer/augment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace perennial::trainer {
namespace {

media::Image Gradient(int side) {
  media::Image image{side, side, {}};
  for (int i = 0; i < side * side * 3; ++i) image.pixels.push_back(static_cast<uint8_t>(i % 251));
  return image;
}

AugmentOptions Everything() {
  AugmentOptions options;
  options.illumination = 0.3;
  options.noise = 0.1;
  options.occlusion = 0.5;
  options.shift = 3;
  options.rotate = 15;
  options.scale = 0.2;
  options.shear = 0.2;
  return options;
}

TEST(Augment, IsAFunctionOfSeedAndOffset) {
  const AugmentOptions options = Everything();
  const auto at = [&](uint64_t seed, uint64_t offset) {
    media::Image image = Gradient(16);
    Rng rng = StreamOf(seed, Offset{offset});
    Augment(image, options, rng);
    return image.pixels;
  };
  EXPECT_EQ(at(1, 5), at(1, 5));
  EXPECT_NE(at(1, 5), at(1, 6));
  EXPECT_NE(at(1, 5), at(2, 5));
}

TEST(Augment, KeepsSizeForAnySideAndSeed) {
  for (int side = 1; side < 12; ++side) {
    for (uint64_t seed = 0; seed < 50; ++seed) {
      media::Image image = Gradient(side);
      Rng rng(seed);
      Augment(image, Everything(), rng);
      EXPECT_EQ(image.pixels.size(), static_cast<size_t>(side * side * 3));
    }
  }
}

TEST(Augment, ShiftMovesEveryPixelAndRepeatsTheEdge) {
  AugmentOptions options;
  options.shift = 3;
  for (int side = 1; side < 9; ++side) {
    const media::Image before = Gradient(side);
    for (uint64_t seed = 0; seed < 40; ++seed) {
      media::Image image = before;
      Rng rng(seed);
      Augment(image, options, rng);
      Rng same(seed);
      const int dx = static_cast<int>(same.Below(7)) - 3;
      const int dy = static_cast<int>(same.Below(7)) - 3;
      for (int y = 0; y < side; ++y) {
        for (int x = 0; x < side; ++x) {
          const int from_x = std::clamp(x - dx, 0, side - 1);
          const int from_y = std::clamp(y - dy, 0, side - 1);
          ASSERT_EQ(image.pixels[static_cast<size_t>((y * side + x) * 3)],
                    before.pixels[static_cast<size_t>((from_y * side + from_x) * 3)])
              << "side " << side << " dx " << dx << " dy " << dy << " at " << x << "," << y;
        }
      }
    }
  }
}

TEST(Augment, MirrorAndFlipSwapSides) {
  for (int side = 1; side < 9; ++side) {
    const media::Image before = Gradient(side);
    const auto at = [side](const media::Image& image, int x, int y, int c) {
      return image.pixels[static_cast<size_t>((y * side + x) * 3 + c)];
    };
    for (const bool flipped : {false, true}) {
      AugmentOptions options;
      options.shift = 0;
      (flipped ? options.flip : options.mirror) = 1;
      EXPECT_TRUE(ChangesPictures(options));
      EXPECT_FALSE(ChangesPictures(options.WithText())) << "a text may ask where something is";
      media::Image image = before;
      Rng rng(1);
      Augment(image, options, rng);
      for (int y = 0; y < side; ++y) {
        for (int x = 0; x < side; ++x) {
          for (int c = 0; c < 3; ++c) {
            ASSERT_EQ(at(image, x, y, c), flipped ? at(before, x, side - 1 - y, c) : at(before, side - 1 - x, y, c))
                << side << " " << x << "," << y;
          }
        }
      }
    }
  }
}

TEST(Augment, ChangesNothingWhenOff) {
  media::Image image = Gradient(16);
  Rng rng(1);
  AugmentOptions off;
  off.shift = 0;
  Augment(image, off, rng);
  EXPECT_EQ(image.pixels, Gradient(16).pixels);
  EXPECT_FALSE(ChangesPictures(off));
  EXPECT_TRUE(ChangesPictures(Everything()));
}

TEST(Augment, ChangesTheShareOfPicturesThatIsAsked) {
  AugmentOptions options = Everything();
  options.noise = 0.1;
  options.share = 0.3;
  int changed = 0;
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    media::Image image = Gradient(16);
    Rng rng(seed);
    Augment(image, options, rng);
    changed += image.pixels != Gradient(16).pixels;
  }
  EXPECT_NEAR(changed, 300, 60);  // four standard deviations
  options.share = 0;
  EXPECT_FALSE(ChangesPictures(options));
}

TEST(Augment, NoiseIsCentredOnThePicture) {
  media::Image image{32, 32, std::vector<uint8_t>(32 * 32 * 3, 127)};
  AugmentOptions options;
  options.noise = 0.1;
  options.shift = 0;
  Rng rng(4);
  Augment(image, options, rng);
  const double mean = std::accumulate(image.pixels.begin(), image.pixels.end(), 0.0) / double(image.pixels.size());
  EXPECT_NEAR(mean, 127, 3);
  EXPECT_NE(image.pixels, std::vector<uint8_t>(32 * 32 * 3, 127));
}

TEST(Augment, StreamsDifferByStepAndPurpose) {
  EXPECT_NE(StreamOf(1, Offset{3}, 7, 1).Next(), StreamOf(1, Offset{3}, 8, 1).Next());
  EXPECT_NE(StreamOf(1, Offset{3}, 7, 1).Next(), StreamOf(1, Offset{3}, 7, 2).Next());
  EXPECT_EQ(StreamOf(1, Offset{3}, 7, 1).Next(), StreamOf(1, Offset{3}, 7, 1).Next());
}

TEST(AugmentOptions, RefusesSharesOutsideZeroToOne) {
  AugmentOptions options;
  EXPECT_TRUE(options.Validate().ok());
  options.cutmix = 1.5;
  EXPECT_EQ(options.Validate().code(), Code::kInvalidArgument);
  options = {};
  options.rotate = 181;
  EXPECT_EQ(options.Validate().code(), Code::kInvalidArgument);
  options = {};
  options.shear = -0.1;
  EXPECT_EQ(options.Validate().code(), Code::kInvalidArgument);
  options = {};
  options.shift = -1;
  EXPECT_EQ(options.Validate().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace perennial::trainer
