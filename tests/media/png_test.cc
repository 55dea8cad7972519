#include <gtest/gtest.h>

#include <png.h>

#include "storage/base/bytes.h"
#include "storage/media/image.h"
#include "tests/media/pictures.h"

namespace perennial::media {
namespace {

struct PngKind {
  int colour = PNG_COLOR_TYPE_RGB;
  int depth = 8;
  int interlace = PNG_INTERLACE_NONE;
  bool comment = false;
};

// A PNG as another program would write it; samples count up.
std::string WritePng(const PngKind& kind, png_uint_32 side = 16) {
  std::string out;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png, &out,
      [](png_structp p, png_bytep data, size_t size) {
        static_cast<std::string*>(png_get_io_ptr(p))->append(reinterpret_cast<char*>(data), size);
      },
      nullptr);
  png_set_IHDR(png, info, side, side, kind.depth, kind.colour, kind.interlace, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  png_color palette[16];
  if (kind.colour == PNG_COLOR_TYPE_PALETTE) {
    for (int i = 0; i < 16; ++i) {
      const auto v = static_cast<png_byte>(i * 16);
      palette[i] = {v, static_cast<png_byte>(255 - v), 7};
    }
    png_set_PLTE(png, info, palette, 16);
  }
  png_text text{};
  char key[] = "Comment", value[] = "made by a test";
  text.compression = PNG_TEXT_COMPRESSION_NONE;
  text.key = key;
  text.text = value;
  if (kind.comment) png_set_text(png, info, &text, 1);
  png_write_info(png, info);
  const size_t row_bytes = png_get_rowbytes(png, info);
  std::vector<std::vector<png_byte>> rows(side, std::vector<png_byte>(row_bytes));
  std::vector<png_bytep> pointers;
  for (size_t y = 0; y < side; ++y) {
    for (size_t i = 0; i < row_bytes; ++i) rows[y][i] = static_cast<png_byte>((y * 16 + i) & 0xff);
    pointers.push_back(rows[y].data());
  }
  png_write_image(png, pointers.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return out;
}

TEST(Png, RoundTripIsExact) {
  const Image picture = MakePicture(31, 9, 5);
  const auto decoded = DecodeImage(*EncodePng(picture), kLimits);
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  EXPECT_EQ(decoded->width, 31);
  EXPECT_EQ(decoded->height, 9);
  EXPECT_EQ(decoded->pixels, picture.pixels);
}

TEST(Png, GoldenFileDecodes) {
  // 2x2: red, green / blue, white. Written by hand: one stored deflate block.
  const std::string bytes = *HexDecode(
      "89504e470d0a1a0a0000000d4948445200000002000000020802000000fdd49a7300000019494441547801010e00f1ff00ff"
      "000000ff00000000ffffffff1fee05fbdeddec2b0000000049454e44ae426082");
  const auto image = DecodeImage(bytes, kLimits);
  ASSERT_TRUE(image.ok()) << image.status().ToString();
  EXPECT_EQ(image->pixels, (std::vector<uint8_t>{255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255}));
}

TEST(Png, EveryColourKindBecomesRgb) {
  const PngKind kinds[] = {{PNG_COLOR_TYPE_GRAY, 1},       {PNG_COLOR_TYPE_GRAY, 8},
                           {PNG_COLOR_TYPE_GRAY, 16},      {PNG_COLOR_TYPE_PALETTE, 4},
                           {PNG_COLOR_TYPE_GRAY_ALPHA, 8}, {PNG_COLOR_TYPE_RGB_ALPHA, 8},
                           {PNG_COLOR_TYPE_RGB_ALPHA, 16}, {PNG_COLOR_TYPE_RGB, 16}};
  for (const PngKind& kind : kinds) {
    const std::string bytes = WritePng(kind);
    const auto image = DecodeImage(bytes, kLimits);
    ASSERT_TRUE(image.ok()) << kind.colour << "/" << kind.depth << ": " << image.status().ToString();
    EXPECT_EQ(image->pixels.size(), 16u * 16 * 3);
    EXPECT_TRUE(ValidateImage(bytes, kLimits).ok());
  }
}

TEST(Png, SixteenBitsAreRoundedAndPaletteIsLookedUp) {
  const auto grey = DecodeImage(WritePng({PNG_COLOR_TYPE_GRAY, 16}), kLimits);
  ASSERT_TRUE(grey.ok());
  EXPECT_EQ(grey->pixels[0], 0);  // 0x0001
  EXPECT_EQ(grey->pixels[3], 2);  // 0x0203
  const auto palette = DecodeImage(WritePng({PNG_COLOR_TYPE_PALETTE, 4}), kLimits);
  ASSERT_TRUE(palette.ok());
  // The second byte of row 0 is 0x01: entries 0 and 1.
  EXPECT_EQ(palette->pixels[9], 16);
  EXPECT_EQ(palette->pixels[10], 239);
  EXPECT_EQ(palette->pixels[11], 7);
}

TEST(Png, InterlacedEqualsPlain) {
  const std::string interlaced = WritePng({PNG_COLOR_TYPE_RGB, 8, PNG_INTERLACE_ADAM7});
  const auto a = DecodeImage(interlaced, kLimits), b = DecodeImage(WritePng({}), kLimits);
  ASSERT_TRUE(a.ok()) << a.status().ToString();
  ASSERT_TRUE(b.ok());
  EXPECT_EQ(a->pixels, b->pixels);
  EXPECT_TRUE(ValidateImage(interlaced, kLimits).ok());
}

TEST(Png, EveryTruncationFailsInBothReaders) {
  for (const std::string& bytes : {*EncodePng(MakePicture(20, 20, 4)), WritePng({PNG_COLOR_TYPE_PALETTE, 4}),
                                   WritePng({PNG_COLOR_TYPE_RGB, 8, PNG_INTERLACE_ADAM7})}) {
    ASSERT_TRUE(ValidateImage(bytes, kLimits).ok());
    for (size_t size = 0; size < bytes.size(); ++size) {
      const std::string_view cut(bytes.data(), size);
      EXPECT_FALSE(ValidateImage(cut, kLimits).ok()) << size << " of " << bytes.size();
      EXPECT_FALSE(DecodeImage(cut, kLimits).ok()) << size << " of " << bytes.size();
    }
  }
}

TEST(Png, AWrongCheckSumIsDamageEvenInAComment) {
  std::string bytes = WritePng({PNG_COLOR_TYPE_RGB, 8, PNG_INTERLACE_NONE, true});
  ASSERT_TRUE(ValidateImage(bytes, kLimits).ok());
  const size_t at = bytes.find("made by a test");
  ASSERT_NE(at, std::string::npos);
  bytes[at] = 'M';
  EXPECT_FALSE(ValidateImage(bytes, kLimits).ok());
  EXPECT_FALSE(DecodeImage(bytes, kLimits).ok());
}

TEST(Png, AHeaderOfFiftyThousandASideIsRefusedAtOnce) {
  std::string bytes = WritePng({});
  bytes.replace(16, 8, std::string("\x00\x00\xc3\x50\x00\x00\xc3\x50", 8));
  for (const Status& status :
       {ProbeImage(bytes, kLimits).status(), DecodeImage(bytes, kLimits).status(), ValidateImage(bytes, kLimits)}) {
    EXPECT_EQ(status.code(), Code::kResourceExhausted);
    EXPECT_NE(status.message().find("50000 x 50000"), std::string::npos) << status.ToString();
    EXPECT_FALSE(status.hint().empty());
  }
}

TEST(Png, PixelCountIsBoundedToo) {
  const std::string bytes = *EncodePng(MakePicture(64, 64, 4));
  EXPECT_EQ(DecodeImage(bytes, {8192, 4095}).status().code(), Code::kResourceExhausted);
  EXPECT_EQ(DecodeImage(bytes, {63, 1 << 20}).status().code(), Code::kResourceExhausted);
  EXPECT_TRUE(DecodeImage(bytes, {64, 4096}).ok());
}

TEST(Image, NeitherFormatIsAnErrorThatSaysSo) {
  for (const std::string_view bytes :
       {std::string_view(""), std::string_view("GIF89a......"), std::string_view("\xff\xd8")}) {
    EXPECT_EQ(ValidateImage(bytes, kLimits).code(), Code::kInvalidArgument);
    EXPECT_EQ(DecodeImage(bytes, kLimits).status(), ValidateImage(bytes, kLimits));
  }
}

}  // namespace
}  // namespace perennial::media
