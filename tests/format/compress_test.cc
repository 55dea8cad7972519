#include "storage/format/compress.h"

#include <gtest/gtest.h>

#include "storage/base/rng.h"
#include "tests/format/mangle.h"

namespace perennial::format {
namespace {

std::string SomeText(uint64_t seed, size_t size) {
  Rng rng(seed);
  std::string text;
  while (text.size() < size) text += "word" + std::to_string(rng.Below(50)) + " ";
  text.resize(size);
  return text;
}

TEST(Compress, RoundTripsAnySizeAtAnyLevel) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{1000}, size_t{200000}}) {
    for (const int level : {1, 3, 19}) {
      const std::string text = SomeText(size, size);
      const Result<std::string> packed = ZstdCompress(text, level);
      ASSERT_TRUE(packed.ok());
      const Result<std::string> back = ZstdDecompress(*packed, size);
      ASSERT_TRUE(back.ok()) << back.status().ToString();
      EXPECT_EQ(*back, text);
    }
  }
}

TEST(Compress, RefusesABombBeforeItUnpacks) {
  const Result<std::string> bomb = ZstdCompress(std::string(64u << 20, 'a'), 19);
  ASSERT_TRUE(bomb.ok());
  EXPECT_LT(bomb->size(), 10000u);
  EXPECT_EQ(ZstdDecompress(*bomb, 1u << 20).status().code(), Code::kResourceExhausted);
}

TEST(Compress, RefusesOneByteOverTheCap) {
  const std::string text = SomeText(1, 5000);
  EXPECT_EQ(ZstdDecompress(*ZstdCompress(text, 3), 4999).status().code(), Code::kResourceExhausted);
}

TEST(Compress, RefusesTruncationAndTrailingBytes) {
  const std::string packed = *ZstdCompress(SomeText(2, 3000), 3);
  ExpectEveryTruncationIsRefused(packed, [](const std::string& bytes) { return ZstdDecompress(bytes, 1u << 20); });
  EXPECT_EQ(ZstdDecompress(packed + "x", 1u << 20).status().code(), Code::kCorruption);
  EXPECT_EQ(ZstdDecompress(packed + packed, 1u << 20).status().code(), Code::kCorruption);
}

TEST(Compress, SurvivesRandomDamage) {
  const std::string packed = *ZstdCompress(SomeText(3, 3000), 3);
  SurvivesRandomDamage(packed, 4, 3000, [](const std::string& bytes) { return ZstdDecompress(bytes, 1u << 20); });
}

TEST(Compress, RefusesALevelThatDoesNotExist) {
  EXPECT_EQ(ZstdCompress("x", 0).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(ZstdCompress("x", 20).status().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace perennial::format
