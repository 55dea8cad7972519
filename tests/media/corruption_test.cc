#include <gtest/gtest.h>
#include <zlib.h>

#include "storage/base/rng.h"
#include "storage/media/image.h"
#include "tests/media/pictures.h"

namespace perennial::media {
namespace {

// Damaged files must neither crash nor take much memory (the sanitizer runs watch), and the two readers must agree.
void DamageAndRead(const std::string& original, uint64_t seed) {
  for (uint64_t round = 0; round < 400; ++round) {
    Rng rng(seed, round);
    std::string bytes = original;
    for (uint64_t i = 0, n = 1 + rng.Below(6); i < n; ++i) {
      const size_t at = rng.Below(bytes.size());
      switch (rng.Below(4)) {
        case 0:
          bytes[at] = static_cast<char>(rng.Below(256));
          break;
        case 1:
          bytes[at] = static_cast<char>(bytes[at] ^ (1 << rng.Below(8)));
          break;
        case 2:
          bytes.erase(at, 1 + rng.Below(8));
          break;
        default:
          bytes.insert(at, 1 + rng.Below(8), static_cast<char>(rng.Below(256)));
      }
      if (bytes.empty()) bytes = "\xff\xd8\xff";
    }
    const DecodeLimits limits{1024, 1 << 18};
    const auto decoded = DecodeImage(bytes, limits);
    EXPECT_EQ(ValidateImage(bytes, limits).ok(), decoded.ok())
        << "round " << round << ": " << decoded.status().ToString();
    if (decoded.ok()) {
      EXPECT_EQ(decoded->pixels.size(), static_cast<size_t>(decoded->width) * static_cast<size_t>(decoded->height) * 3);
      EXPECT_TRUE(ProbeImage(bytes, limits).ok());
    }
  }
}

TEST(Corruption, JpegReadersSurviveAndAgree) { DamageAndRead(*EncodeJpeg(MakePicture(32, 32, 21), 75), 1); }
TEST(Corruption, LargerJpegReadersSurviveAndAgree) { DamageAndRead(*EncodeJpeg(MakePicture(70, 50, 22), 90), 2); }
TEST(Corruption, PngReadersSurviveAndAgree) { DamageAndRead(*EncodePng(MakePicture(32, 32, 23)), 3); }

// Gives every whole chunk a right check sum again, so that the damage reaches what lies behind it.
void MendCheckSums(std::string& png) {
  for (size_t at = 8; at + 12 <= png.size();) {
    size_t size = 0;
    for (size_t i = 0; i < 4; ++i) size = size << 8 | static_cast<uint8_t>(png[at + i]);
    if (size > png.size() - at - 12) return;
    const uLong sum = crc32(0, reinterpret_cast<const Bytef*>(&png[at + 4]), static_cast<uInt>(size + 4));
    for (size_t i = 0; i < 4; ++i) png[at + 8 + size + i] = static_cast<char>(sum >> (24 - 8 * i) & 0xff);
    at += size + 12;
  }
}

TEST(Corruption, TheQuickPngCheckNeverPassesWhatTheDecoderRefuses) {
  const std::string original = *EncodePng(MakePicture(12, 12, 25));
  int passed = 0;
  for (uint64_t round = 0; round < 3000; ++round) {
    Rng rng(4, round);
    std::string bytes = original;
    // A third each: the header's fields, the pixel stream's first bytes, anywhere.
    const uint64_t where = rng.Below(3);
    const size_t at = where == 0   ? 8 + rng.Below(25)
                      : where == 1 ? 41 + rng.Below(12)
                                   : 8 + rng.Below(bytes.size() - 8);
    bytes[at] = static_cast<char>(rng.Below(2) == 0 ? rng.Below(8) : rng.Below(256));
    MendCheckSums(bytes);
    const DecodeLimits limits{1024, 1 << 18};
    const auto decoded = DecodeImage(bytes, limits);
    passed += decoded.ok() ? 1 : 0;
    EXPECT_EQ(ValidateImage(bytes, limits).ok(), decoded.ok()) << "byte " << at << ": " << decoded.status().ToString();
  }
  EXPECT_GT(passed, 10);  // some changes leave a valid file: both sides of the rule are exercised
}

TEST(Corruption, AnyChangedByteOfAPngIsNoticed) {
  const std::string original = *EncodePng(MakePicture(10, 10, 24));
  for (size_t at = 0; at < original.size(); ++at) {
    std::string bytes = original;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
    EXPECT_FALSE(ValidateImage(bytes, kLimits).ok()) << "byte " << at;
  }
}

}  // namespace
}  // namespace perennial::media
