#include "api/cli/table.h"

#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

namespace perennial::cli {
namespace {

TEST(Table, AlignsTextLeftAndNumbersRight) {
  Table table({"name", ">count", "note"});
  table.Add({"a", "5", "x"});
  table.Add({"long name", "12345", ""});
  std::ostringstream out;
  table.Print(out);
  EXPECT_EQ(out.str(),
            "name       count  note\n"
            "a              5  x\n"
            "long name  12345\n");
}

TEST(Table, WideCharactersTakeTwoColumns) {
  EXPECT_EQ(DisplayWidth("abc"), 3u);
  EXPECT_EQ(DisplayWidth("\xe5\x88\x92\xe7\x97\x95"), 4u);  // two Chinese characters
  EXPECT_EQ(DisplayWidth("\xc3\xa9"), 1u);
  Table table({"t", "u"});
  table.Add({"\xe5\x88\x92", "x"});
  table.Add({"abc", "y"});
  std::ostringstream out;
  table.Print(out);
  EXPECT_EQ(out.str(), "t    u\n\xe5\x88\x92   x\nabc  y\n");
}

TEST(Table, DataCannotDriveTheTerminal) {
  Table table({"t"});
  table.Add({"\x1b[31mred\n"});
  std::ostringstream out;
  table.Print(out);
  EXPECT_EQ(out.str(), "t\n?[31mred?\n");
}

TEST(HumanText, BytesSecondsAndNumbers) {
  EXPECT_EQ(HumanBytes(0), "0 B");
  EXPECT_EQ(HumanBytes(1500), "1.5 kB");
  EXPECT_EQ(HumanBytes(123'456'789), "123 MB");
  EXPECT_EQ(HumanSeconds(3.6), "4s");
  EXPECT_EQ(HumanSeconds(192), "3m 12s");
  EXPECT_EQ(HumanSeconds(7500), "2h 5m");
  EXPECT_EQ(HumanNumber(0.98765, 3), "0.988");
  EXPECT_EQ(HumanNumber(std::nan(""), 3), "-");
}

}  // namespace
}  // namespace perennial::cli
