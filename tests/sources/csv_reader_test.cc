#include "storage/sources/csv_reader.h"

#include <gtest/gtest.h>

#include "tests/sources/fixtures.h"

namespace perennial::sources {
namespace {

using Rows = std::vector<std::vector<std::string>>;

Rows Read(const std::string& text, std::vector<Code>* errors = nullptr) {
  const Data data;
  Rows rows;
  auto reader = CsvReader::Open(data.Write("t.csv", text), 1000);
  EXPECT_TRUE(reader.ok()) << reader.status().ToString();
  if (!reader.ok()) return rows;
  for (int i = 0; i < 1000; ++i) {
    auto row = (*reader)->Next();
    if (!row.ok()) {
      if (errors != nullptr) errors->push_back(row.status().code());
      continue;
    }
    if (!row->has_value()) break;
    rows.push_back(**row);
  }
  return rows;
}

TEST(CsvReader, QuotesCommasAndLineBreaksOfRfc4180) {
  EXPECT_EQ(Read("a,b\r\n\"x, y\",\"say \"\"hi\"\"\"\r\n\"two\nlines\",\r\n"),
            (Rows{{"x, y", "say \"hi\""}, {"two\nlines", ""}}));
}

TEST(CsvReader, ByteOrderMarkBlankLinesAndMissingLastLineEnd) {
  EXPECT_EQ(Read("\xef\xbb\xbf"
                 "a,b\n\n1,2\n\n3,4"),
            (Rows{{"1", "2"}, {"3", "4"}}));
}

TEST(CsvReader, BadRowsAreReportedAndReadingGoesOn) {
  std::vector<Code> errors;
  EXPECT_EQ(Read("a,b\n1\n2,x\"y\n3,4\n" + std::string(2000, 'z') + "\n5,6\n", &errors),
            (Rows{{"3", "4"}, {"5", "6"}}));
  EXPECT_EQ(errors, (std::vector<Code>{Code::kInvalidArgument, Code::kInvalidArgument, Code::kResourceExhausted}));
}

TEST(CsvReader, AnUnclosedQuoteIsAnErrorAtItsRow) {
  std::vector<Code> errors;
  EXPECT_EQ(Read("a,b\n1,2\n\"3,4\n5,6\n", &errors), (Rows{{"1", "2"}}));
  EXPECT_EQ(errors, std::vector<Code>{Code::kInvalidArgument});
}

TEST(CsvReader, EmptyFilesAndDoubledColumnsAreRefused) {
  const Data data;
  EXPECT_EQ(CsvReader::Open(data.Write("e.csv", ""), 100).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(CsvReader::Open(data.Write("d.csv", "a,a\n"), 100).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(CsvReader::Open(data.path() + "/none.csv", 100).status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace perennial::sources
