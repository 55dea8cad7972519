#include "storage/sources/text_time.h"

#include <gtest/gtest.h>

namespace perennial::sources {
namespace {

TEST(TextTime, ReadsRfc3339AndMicroseconds) {
  EXPECT_EQ(*ParseTime("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(*ParseTime("2024-02-29T23:59:59.25+02:00"), 1'709'243'999'250'000);
  EXPECT_EQ(*ParseTime("2024-02-29 21:59:59.250000z"), 1'709'243'999'250'000);
  EXPECT_EQ(*ParseTime("1969-12-31T23:59:59-00:00"), -1'000'000);
  EXPECT_EQ(*ParseTime("123"), 123);
}

TEST(TextTime, RefusesWhatIsNoTime) {
  for (const char* text : {"", "2024", "2024-02-30T00:00:00Z", "2024-02-29T24:00:00Z", "2024-02-29T23:59:59",
                           "2024-02-29T23:59:59.Z", "2024-02-29T23:59:59+2:00", "2024-02-29T23:59:59Zx", "12x"}) {
    // "2024" is a whole number of microseconds.
    EXPECT_EQ(ParseTime(text).ok(), std::string_view(text) == "2024") << text;
  }
}

TEST(TextTime, FormatIsReadBack) {
  EXPECT_EQ(FormatTime(1'709'243'999'250'000), "2024-02-29T21:59:59.250000Z");
  for (const int64_t micros : {int64_t{0}, int64_t{-1}, int64_t{1'700'000'000'123'456}}) {
    EXPECT_EQ(*ParseTime(FormatTime(micros)), micros);
  }
}

}  // namespace
}  // namespace perennial::sources
