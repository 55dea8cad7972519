#include <gtest/gtest.h>

#include "tests/sources/fixtures.h"

namespace perennial::sources {
namespace {

using Lines = std::vector<std::string>;

constexpr const char* kRules = "order = ['b', 'a']\n[[rule]]\nslice='a'\ntext='^a'\n[[rule]]\nslice='b'\ntext='^b'\n";

void WriteParts(const Data& data) {
  data.Write("train.ndjson",
             "{\"text\":\"a1\"}\n{\"text\":\"c1\",\"slice\":\"own\"}\n{\"text\":\"b1\"}\n{bad\n{\"text\":\"a2\"}\n");
  data.Write("test.ndjson", "{\"text\":\"a3\"}\n{\"text\":\"b3\"}\n");
}

TEST(SliceOrder, SlicesComeInTheirOrderEachWithItsTestPartFirst) {
  const Data data;
  WriteParts(data);
  data.Write("slices.toml", kRules);
  const Lines want = {"!invalid_argument", "b3|-|b|test",  "b1|-|b|train",  "a3|-|a|test",
                      "a1|-|a|train",      "a2|-|a|train", "c1|-|own|train"};
  EXPECT_EQ(Summary(ReadAll(data.path())), want);
  EXPECT_EQ(Summary(ReadAll(data.path())), want);  // the same again: a position is a resume point
}

TEST(SliceOrder, CanBeTurnedOff) {
  const Data data;
  WriteParts(data);
  data.Write("slices.toml", kRules);
  SourceOptions options;
  options.order_by_slice = false;
  EXPECT_EQ(Summary(ReadAll(data.path(), options)),
            (Lines{"a3|-|a|test", "b3|-|b|test", "a1|-|a|train", "c1|-|own|train", "b1|-|b|train", "!invalid_argument",
                   "a2|-|a|train"}));
}

TEST(SliceOrder, AGivenFileWinsOverTheOneBesideTheData) {
  const Data data;
  WriteParts(data);
  data.Write("slices.toml", "order = ['nothing']");
  SourceOptions options;
  options.slices = *SliceRules::Parse("[[rule]]\nslice='all'\ntext='.'", "given");
  for (const Item& item : ReadAll(data.path(), options)) {
    if (item.sample.ok()) {
      EXPECT_EQ(item.sample->slice, "all");
    }
  }
}

TEST(SliceOrder, TheSizeIsKnownOnceOrdered) {
  const Data data;
  WriteParts(data);
  data.Write("slices.toml", kRules);
  auto source = OpenSource(data.path(), {});
  ASSERT_TRUE(source.ok());
  EXPECT_EQ((*source)->Size(), 7u);
}

TEST(SliceOrder, ABrokenSlicesFileIsAnErrorAtOnce) {
  const Data data;
  WriteParts(data);
  data.Write("slices.toml", "ordr = ['a']");
  EXPECT_EQ(OpenSource(data.path(), {}).status().code(), Code::kInvalidArgument);
}

TEST(SliceOrder, EqualPicturesAreHeldOnceAndComeBackWhole) {
  const Data data;
  const std::string pairs = R"({"qas":[["a","1"],["b","2"],["a again","3"]]})";
  data.Write("train.tar", TarMember("k.png", Png(1)) + TarMember("k.json", pairs) + TarEnd());
  data.Write("slices.toml", kRules);
  const auto items = ReadAll(data.path());
  EXPECT_EQ(Summary(items), (Lines{"b|2|b|train", "a|1|a|train", "a again|3|a|train"}));
  for (const Item& item : items) EXPECT_EQ(item.sample->image, Png(1));
}

}  // namespace
}  // namespace perennial::sources
