#include "storage/media/packed_pixels.h"

#include <gtest/gtest.h>

#include "storage/base/bytes.h"
#include "storage/base/rng.h"

namespace perennial::media {
namespace {

// A stroke on black, as scanned digits are: `channels` 1 gives a grey picture.
Image Stroke(int side, int channels, uint64_t seed) {
  Rng rng(seed);
  Image image{side, side, std::vector<uint8_t>(static_cast<size_t>(side) * static_cast<size_t>(side) * 3)};
  int x = side / 2;
  for (int y = 3; y < side - 3; ++y) {
    x = std::min(side - 3, std::max(3, x + static_cast<int>(rng.Below(3)) - 1));
    for (int k = -2; k <= 2; ++k) {
      for (int c = 0; c < 3; ++c) {
        const auto value = static_cast<uint8_t>(rng.Below(40) + (k == 0 ? 210 : 90));
        const auto at = static_cast<size_t>((y * side + x + k) * 3);
        image.pixels[at + static_cast<size_t>(c)] = channels == 1 && c > 0 ? image.pixels[at] : value;
      }
    }
  }
  return image;
}

Image Noise(int width, int height, uint64_t seed) {
  Rng rng(seed);
  Image image{width, height, {}};
  for (int i = 0; i < width * height * 3; ++i) image.pixels.push_back(static_cast<uint8_t>(rng.Below(256)));
  return image;
}

TEST(PackedPixels, ComeBackAsTheyWere) {
  for (const bool deflate : {false, true}) {
    for (const Image& image : {Stroke(28, 1, 1), Stroke(28, 3, 2), Noise(5, 9, 3), Noise(1, 1, 4), Noise(64, 3, 5)}) {
      const std::string packed = PackPixels(image, deflate).value();
      const Image back = UnpackPixels(packed, DecodeLimits()).value();
      EXPECT_EQ(back.width, image.width);
      EXPECT_EQ(back.height, image.height);
      EXPECT_EQ(back.pixels, image.pixels);
    }
  }
}

TEST(PackedPixels, GreyTakesOneChannelAndNoiseNoMoreThanPlain) {
  EXPECT_EQ(PackPixels(Stroke(28, 1, 1), false)->size(), 3 + 28U * 28);
  EXPECT_EQ(PackPixels(Stroke(28, 3, 1), false)->size(), 3 + 28U * 28 * 3);
  EXPECT_LE(PackPixels(Noise(28, 28, 1), true)->size(), 3 + 28U * 28 * 3);
  EXPECT_LT(PackPixels(Stroke(28, 1, 1), true)->size(), 250U);
  Image ramp{64, 64, {}};  // what a predictor is for
  for (int y = 0; y < 64; ++y) {
    for (int x = 0; x < 64; ++x) {
      for (int c = 0; c < 3; ++c) ramp.pixels.push_back(static_cast<uint8_t>((x * x + 3 * y * (c + 1)) / 8));
    }
  }
  const std::string packed = PackPixels(ramp, true).value();
  EXPECT_EQ(packed[0] >> 1, 2);
  EXPECT_LT(packed.size(), 64U * 64 * 3 / 3);
  EXPECT_EQ(UnpackPixels(packed, DecodeLimits())->pixels, ramp.pixels);
}

TEST(PackedPixels, HaveTheBytesOfTheirLayout) {
  const Image image{2, 1, {1, 1, 1, 200, 200, 200}};
  EXPECT_EQ(HexEncode(*PackPixels(image, false)),
            "0102"
            "01"
            "01c8");
}

TEST(PackedPixels, DamageIsAnErrorAndNeverACrash) {
  for (const bool deflate : {false, true}) {
    for (const Image& image : {Stroke(28, 1, 1), Noise(6, 6, 2)}) {
      const std::string packed = PackPixels(image, deflate).value();
      for (size_t size = 0; size < packed.size(); ++size) {
        EXPECT_FALSE(UnpackPixels(packed.substr(0, size), DecodeLimits()).ok()) << size;
      }
      EXPECT_EQ(UnpackPixels(packed + "x", DecodeLimits()).status().code(), Code::kCorruption);
      Rng rng(3);
      for (int i = 0; i < 500; ++i) {
        std::string damaged = packed;
        damaged[rng.Below(damaged.size())] = static_cast<char>(rng.Below(256));
        (void)UnpackPixels(damaged, DecodeLimits());
      }
    }
  }
}

TEST(PackedPixels, KeepsToTheLimits) {
  const std::string packed = PackPixels(Stroke(28, 1, 1), true).value();
  DecodeLimits limits;
  limits.max_side = 27;
  EXPECT_EQ(UnpackPixels(packed, limits).status().code(), Code::kResourceExhausted);
  // A few bytes that claim a picture of gigabytes.
  const std::string claim = HexDecode("03ffff7fffff7f00").value();
  EXPECT_EQ(UnpackPixels(claim, DecodeLimits()).status().code(), Code::kResourceExhausted);
  EXPECT_FALSE(PackPixels(Image{}, true).ok());
}

}  // namespace
}  // namespace perennial::media
