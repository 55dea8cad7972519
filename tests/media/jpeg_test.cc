#include <gtest/gtest.h>

#include <jpeglib.h>
#include <cstdio>
#include <cstdlib>

#include "storage/base/bytes.h"
#include "storage/media/image.h"
#include "tests/media/pictures.h"

namespace perennial::media {
namespace {

// A JPEG as another program would write it: `channels` of 1, 3 or 4 (CMYK), progressive or not.
std::string WriteJpeg(int channels, bool progressive, int side = 24) {
  jpeg_compress_struct codec;
  jpeg_error_mgr errors;
  codec.err = jpeg_std_error(&errors);
  jpeg_create_compress(&codec);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&codec, &bytes, &size);
  codec.image_width = codec.image_height = static_cast<JDIMENSION>(side);
  codec.input_components = channels;
  codec.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&codec);
  if (progressive) jpeg_simple_progression(&codec);
  jpeg_start_compress(&codec, TRUE);
  std::vector<JSAMPLE> row(static_cast<size_t>(side * channels));
  for (int y = 0; y < side; ++y) {
    for (size_t i = 0; i < row.size(); ++i) row[i] = static_cast<JSAMPLE>((i * 5 + static_cast<size_t>(y) * 9) & 0xff);
    JSAMPROW pointer = row.data();
    jpeg_write_scanlines(&codec, &pointer, 1);
  }
  jpeg_finish_compress(&codec);
  std::string out(reinterpret_cast<char*>(bytes), size);
  jpeg_destroy_compress(&codec);
  std::free(bytes);
  return out;
}

TEST(Jpeg, RoundTripStaysClose) {
  const Image picture = MakePicture(33, 17, 1);
  const auto bytes = EncodeJpeg(picture, 95);
  ASSERT_TRUE(bytes.ok());
  const auto decoded = DecodeImage(*bytes, kLimits);
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  ASSERT_EQ(decoded->width, 33);
  ASSERT_EQ(decoded->height, 17);
  double error = 0;
  for (size_t i = 0; i < picture.pixels.size(); ++i) error += std::abs(picture.pixels[i] - decoded->pixels[i]);
  EXPECT_LT(error / static_cast<double>(picture.pixels.size()), 8.0);
}

TEST(Jpeg, ProbeReadsTheHeaderOnly) {
  const auto bytes = EncodeJpeg(MakePicture(40, 20, 2), 80);
  ASSERT_TRUE(bytes.ok());
  const auto info = ProbeImage(bytes->substr(0, 700), kLimits);
  ASSERT_TRUE(info.ok()) << info.status().ToString();
  EXPECT_EQ(info->format, ImageFormat::kJpeg);
  EXPECT_EQ(info->width, 40);
  EXPECT_EQ(info->height, 20);
}

TEST(Jpeg, GreyBecomesRgb) {
  const auto image = DecodeImage(WriteJpeg(1, false), kLimits);
  ASSERT_TRUE(image.ok()) << image.status().ToString();
  ASSERT_EQ(image->pixels.size(), 24u * 24 * 3);
  for (size_t i = 0; i < image->pixels.size(); i += 3) {
    EXPECT_EQ(image->pixels[i], image->pixels[i + 1]);
    EXPECT_EQ(image->pixels[i], image->pixels[i + 2]);
  }
}

TEST(Jpeg, ProgressiveDecodesToThePixelsOfTheBaseline) {
  const auto baseline = DecodeImage(WriteJpeg(3, false), kLimits),
             progressive = DecodeImage(WriteJpeg(3, true), kLimits);
  ASSERT_TRUE(baseline.ok());
  ASSERT_TRUE(progressive.ok()) << progressive.status().ToString();
  EXPECT_EQ(baseline->pixels, progressive->pixels);
  EXPECT_TRUE(ValidateImage(WriteJpeg(3, true), kLimits).ok());
}

TEST(Jpeg, CmykIsRefusedByName) {
  const std::string bytes = WriteJpeg(4, false);
  const auto image = DecodeImage(bytes, kLimits);
  ASSERT_FALSE(image.ok());
  EXPECT_EQ(image.status().code(), Code::kInvalidArgument);
  EXPECT_NE(image.status().message().find("CMYK"), std::string::npos);
  EXPECT_EQ(ValidateImage(bytes, kLimits), image.status());
}

TEST(Jpeg, EveryTruncationFailsInBothReaders) {
  for (const std::string& bytes : {*EncodeJpeg(MakePicture(24, 24, 3), 70), WriteJpeg(3, true), WriteJpeg(1, false)}) {
    ASSERT_TRUE(ValidateImage(bytes, kLimits).ok());
    for (size_t size = 0; size < bytes.size(); ++size) {
      const std::string_view cut(bytes.data(), size);
      EXPECT_FALSE(ValidateImage(cut, kLimits).ok()) << size << " of " << bytes.size();
      EXPECT_FALSE(DecodeImage(cut, kLimits).ok()) << size << " of " << bytes.size();
    }
  }
}

TEST(Jpeg, TablesOfThePictureBeforeAreNotUsed) {
  std::string bare = WriteJpeg(3, false);
  for (size_t at; (at = bare.find("\xff\xc4")) != std::string::npos;) {  // drop every DHT segment
    const size_t length = static_cast<uint8_t>(bare[at + 2]) * 256u + static_cast<uint8_t>(bare[at + 3]);
    bare.erase(at, length + 2);
  }
  // libjpeg-turbo falls back to the standard tables (Motion JPEG needs that), whatever was decoded before.
  const auto before = DecodeImage(bare, kLimits);
  ASSERT_TRUE(DecodeImage(WriteJpeg(3, true), kLimits).ok());  // brings its own optimised tables
  const auto after = DecodeImage(bare, kLimits);
  ASSERT_TRUE(before.ok()) << before.status().ToString();
  ASSERT_TRUE(after.ok());
  EXPECT_EQ(before->pixels, after->pixels);
}

TEST(Jpeg, HugeSidesAreRefusedFromTheHeader) {
  std::string bytes = WriteJpeg(3, false);
  const size_t frame = bytes.find("\xff\xc0");
  ASSERT_NE(frame, std::string::npos);
  bytes.replace(frame + 5, 4, "\xfd\xe8\xfd\xe8");  // 65,000 x 65,000
  EXPECT_EQ(DecodeImage(bytes, kLimits).status().code(), Code::kResourceExhausted);
  EXPECT_EQ(ValidateImage(bytes, kLimits).code(), Code::kResourceExhausted);
  EXPECT_EQ(ProbeImage(bytes, kLimits).status().code(), Code::kResourceExhausted);
}

TEST(Jpeg, GoldenPixels) {
  // 8x8 of one colour at quality 90: written by this library, read by any.
  Image flat{8, 8, {}};
  for (int i = 0; i < 64; ++i) flat.pixels.insert(flat.pixels.end(), {200, 100, 50});
  const auto decoded = DecodeImage(*EncodeJpeg(flat, 90), kLimits);
  ASSERT_TRUE(decoded.ok());
  for (size_t i = 0; i < decoded->pixels.size(); i += 3) {
    EXPECT_NEAR(decoded->pixels[i], 200, 2);
    EXPECT_NEAR(decoded->pixels[i + 1], 100, 2);
    EXPECT_NEAR(decoded->pixels[i + 2], 50, 2);
  }
}

TEST(Jpeg, BadArgumentsOfTheEncoderAreErrors) {
  EXPECT_FALSE(EncodeJpeg(Image{}, 80).ok());
  EXPECT_FALSE(EncodeJpeg(MakePicture(4, 4, 1), 0).ok());
  EXPECT_FALSE(EncodeJpeg(Image{4, 4, {1, 2, 3}}, 80).ok());
  EXPECT_FALSE(EncodeJpeg(Image{70000, 1, std::vector<uint8_t>(210000)}, 80).ok());
}

}  // namespace
}  // namespace perennial::media
