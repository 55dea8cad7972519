#include <gtest/gtest.h>

#include <algorithm>

#include "storage/base/bytes.h"
#include "storage/base/rng.h"

namespace perennial {
namespace {

TEST(Hex, RoundTripsEveryByteAndReadsCapitals) {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  EXPECT_EQ(HexDecode(HexEncode(all)).value(), all);
  EXPECT_EQ(HexDecode("DEADbeef").value(), "\xde\xad\xbe\xef");
  EXPECT_EQ(HexDecode("").value(), "");
  for (const char* bad : {"a", "0g", "g0", " 0", "0x"}) {
    EXPECT_EQ(HexDecode(bad).status().code(), Code::kInvalidArgument) << bad;
  }
}

TEST(Base64, AgreesWithRfc4648) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : vectors) {
    EXPECT_EQ(Base64Encode(plain), coded);
    EXPECT_EQ(Base64Decode(coded).value(), plain);
  }
}

TEST(Base64, RoundTripsRandomBytes) {
  Rng rng(3);
  for (int round = 0; round < 300; ++round) {
    std::string bytes(rng.Below(100), '\0');
    for (char& c : bytes) c = static_cast<char>(rng.Next());
    EXPECT_EQ(Base64Decode(Base64Encode(bytes)).value(), bytes);
  }
}

TEST(Base64, RefusesWhatIsNotStandard) {
  for (const char* bad : {"Zg=", "Zg", "Z===", "====", "Zg==Zg==", "Zm9\n", "Zm-v", "=Zg=", "Zm=v", "Zm9v "}) {
    EXPECT_EQ(Base64Decode(bad).status().code(), Code::kInvalidArgument) << bad;
  }
}

TEST(Utf8, AcceptsWellFormedText) {
  for (const char* good :
       {"", "plain", "\xc2\x80", "\xc3\xa9", "\xdf\xbf", "\xe0\xa0\x80", "\xe4\xb8\xad", "\xed\x9f\xbf", "\xee\x80\x80",
        "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(IsUtf8(good)) << HexEncode(good);
  }
}

TEST(Utf8, RefusesMalformedText) {
  const char* bad[] = {
      "\x80",              // a continuation alone
      "\xc0\xaf",          // overlong
      "\xc1\xbf",          // overlong
      "\xe0\x9f\xbf",      // overlong
      "\xf0\x8f\xbf\xbf",  // overlong
      "\xed\xa0\x80",      // a surrogate
      "\xed\xbf\xbf",      // a surrogate
      "\xf4\x90\x80\x80",  // above U+10FFFF
      "\xf5\x80\x80\x80",  // no such lead
      "\xff",              // no such lead
      "\xe4\xb8",          // cut
      "\xc3(",             // no continuation
      "ok\xf0\x9f\x98",    // cut at the end
  };
  for (const char* text : bad) EXPECT_FALSE(IsUtf8(text)) << HexEncode(text);
}

TEST(PlainText, KeepsWhatPeopleCanReadAndNothingElse) {
  EXPECT_EQ(PlainText("warm-up failed", 100), "warm-up failed");
  EXPECT_EQ(PlainText("a\nb\x1b[31m\tc\x7f", 100), "a b [31m c ");
  EXPECT_EQ(PlainText(std::string_view("a\0b", 3), 100), "a b");
  EXPECT_EQ(PlainText("\xc2\x85next", 100), " next");
  EXPECT_EQ(PlainText("\xff\xfe ok \xc3", 100), "?? ok ?");
  EXPECT_EQ(PlainText("\xed\xa0\x80", 100), "???");
  EXPECT_EQ(PlainText("", 100), "");
}

TEST(PlainText, CutsBetweenCharacters) {
  const std::string text =
      "gr\xc3\xb6\xc3\x9f"
      "e \xe2\x82\xac \xf0\x9f\x98\x80";
  for (size_t size = 0; size <= text.size(); ++size) {
    const std::string cut = PlainText(text, size);
    EXPECT_LE(cut.size(), size);
    EXPECT_GE(cut.size() + 4, size + 1);
    EXPECT_TRUE(IsUtf8(cut));
    EXPECT_TRUE(text.starts_with(cut));
  }
}

TEST(Utf8, EveryCutInsideACharacterIsRefused) {
  const std::string text = "a\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80";
  const std::vector<size_t> borders = {0, 1, 3, 6, 10};
  for (size_t size = 0; size <= text.size(); ++size) {
    const bool at_border = std::find(borders.begin(), borders.end(), size) != borders.end();
    EXPECT_EQ(IsUtf8(std::string_view(text).substr(0, size)), at_border) << size;
  }
}

}  // namespace
}  // namespace perennial
