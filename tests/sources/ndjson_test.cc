#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include "storage/base/bytes.h"
#include "tests/sources/fixtures.h"

namespace perennial::sources {
namespace {

using Lines = std::vector<std::string>;

TEST(Ndjson, ReadsLinesAndReportsBadOnesWithTheirNumber) {
  const Data data;
  const auto items =
      ReadAll(data.Write("d.ndjson",
                         "{\"text\":\"a\",\"label\":\"x\"}\n\nnot json\n{\"txt\":\"b\"}\r\n{\"label\":\"y\"}\n"
                         "{\"image\":\"" +
                             Base64Encode(Png(3)) + "\"}"));
  EXPECT_EQ(Summary(items),
            (Lines{"a|x||train", "!invalid_argument", "!invalid_argument", "!invalid_argument", "|-||train"}));
  EXPECT_EQ(items[1].pointer, "d.ndjson line 3");
  EXPECT_EQ(items[2].sample.status().hint(), "did you mean 'text'?");
  EXPECT_NE(items[3].sample.status().message().find("image"), std::string::npos);  // neither image nor text
  EXPECT_EQ(items[0].sample->source, "d.ndjson");
}

TEST(Ndjson, ColumnsAreChosenByName) {
  const Data data;
  SourceOptions options;
  options.text_field = "q";
  options.label_field = "a";
  options.source_name = "lab";
  options.slice_field = "site";
  const auto items = ReadAll(data.Write("d.jsonl", R"({"q":"why?","a":"so","site":"north"})"), options);
  EXPECT_EQ(Summary(items), Lines{"why?|so|north|train"});
  EXPECT_EQ(items[0].sample->source, "lab");
}

TEST(Ndjson, AFileNamedTestIsTheTestPart) {
  const Data data;
  EXPECT_EQ(Summary(ReadAll(data.Write("test-1.ndjson", R"({"text":"a"})"))), Lines{"a|-||test"});
  EXPECT_EQ(Summary(ReadAll(data.Write("testament.ndjson", R"({"text":"a"})"))), Lines{"a|-||train"});
  EXPECT_EQ(Summary(ReadAll(data.Write("x.ndjson", R"({"text":"a","part":"test"})"))), Lines{"a|-||test"});
}

TEST(Ndjson, AnEmptyFileIsOneErrorItem) {
  const Data data;
  const auto items = ReadAll(data.Write("e.ndjson", ""));
  ASSERT_EQ(items.size(), 1u);
  EXPECT_NE(items[0].sample.status().message().find("empty"), std::string::npos);
}

TEST(Ndjson, InvalidUtf8IsAnErrorItem) {
  const Data data;
  EXPECT_EQ(Summary(ReadAll(data.Write("u.ndjson", "{\"text\":\"\xc3\x28\"}\n{\"text\":\"ok\"}\n"))),
            (Lines{"!invalid_argument", "ok|-||train"}));
}

TEST(Ndjson, StandardInputIsReadLineByLine) {
  int pipe_ends[2];
  ASSERT_EQ(::pipe(pipe_ends), 0);
  const int saved = ::dup(STDIN_FILENO);
  ASSERT_GE(::dup2(pipe_ends[0], STDIN_FILENO), 0);
  auto source = OpenSource("-", {});
  ASSERT_TRUE(source.ok());
  const std::string line = "{\"text\":\"live\"}\n";
  ASSERT_EQ(::write(pipe_ends[1], line.data(), line.size()), static_cast<ssize_t>(line.size()));
  // The pipe stays open: the line must come without waiting for its end.
  auto item = (*source)->Next();
  ASSERT_TRUE(item.ok());
  ASSERT_TRUE(item->has_value());
  EXPECT_EQ((*item)->sample->text, "live");
  ::close(pipe_ends[1]);
  auto end = (*source)->Next();
  ASSERT_TRUE(end.ok());
  EXPECT_FALSE(end->has_value());
  ::dup2(saved, STDIN_FILENO);
  ::close(saved);
  ::close(pipe_ends[0]);
}

TEST(OpenSource, UnknownKindsAndMissingPathsAreErrors) {
  const Data data;
  EXPECT_EQ(OpenSource(data.path() + "/none", {}).status().code(), Code::kNotFound);
  EXPECT_EQ(OpenSource(data.Write("a.zip", "x"), {}).status().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace perennial::sources
