#include <gtest/gtest.h>

#include "storage/base/bytes.h"
#include "storage/base/rng.h"
#include "storage/sources/source.h"
#include "tests/sources/fixtures.h"

namespace perennial::sources {
namespace {

TEST(SampleJson, RoundTripsEveryField) {
  format::Sample sample;
  sample.image = Png(7);
  sample.text = "is there a \"scratch\"?\n\xe6\x9c\x89";
  sample.label = "yes";
  sample.source = "line-4";
  sample.id = "k/1";
  sample.group = "g";
  sample.slice = "steel";
  sample.time_us = 1'700'000'000'123'456;
  sample.part = format::Part::kTest;
  sample.meta = {{"shift", "night"}, {"station", "7"}};
  const std::string line = SampleToJson(sample);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto back = SampleFromJson(line);
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  EXPECT_EQ(*back, sample);
  const auto empty = SampleFromJson(SampleToJson({}));
  ASSERT_TRUE(empty.ok());
  EXPECT_EQ(*empty, format::Sample());
}

TEST(SampleJson, GoldenLine) {
  format::Sample sample;
  sample.text = "how many?";
  sample.label = "2";
  sample.time_us = 5;
  EXPECT_EQ(SampleToJson(sample), R"({"label":"2","text":"how many?","time":5})");
}

TEST(SampleJson, TakesNumbersNullsTimesAndDataUris) {
  const std::string image = Png(9);
  const auto sample =
      SampleFromJson(R"({"image":"data:image/png;base64,)" + Base64Encode(image) +
                     R"(","label":3,"id":42,"slice":null,"time":"2024-05-01T12:00:00Z","meta":{"n":1}})");
  ASSERT_TRUE(sample.ok()) << sample.status().ToString();
  EXPECT_EQ(sample->image, image);
  EXPECT_EQ(sample->label, "3");
  EXPECT_EQ(sample->id, "42");
  EXPECT_EQ(sample->slice, "");
  EXPECT_EQ(sample->time_us, 1'714'564'800'000'000);
  EXPECT_EQ(sample->meta.at("n"), "1");
}

TEST(SampleJson, AnUnknownFieldNamesTheClosestOne) {
  const auto sample = SampleFromJson(R"({"txt":"a"})");
  ASSERT_FALSE(sample.ok());
  EXPECT_EQ(sample.status().code(), Code::kInvalidArgument);
  EXPECT_EQ(sample.status().message(), "unknown field 'txt'");
  EXPECT_EQ(sample.status().hint(), "did you mean 'text'?");
}

TEST(SampleJson, BadInputSaysWhichFieldIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "JSON"},
      {"[1]", "object"},
      {"{\"text\":\"\xff\"}", "UTF-8"},
      {R"({"text":{}})", "text"},
      {R"({"image":"***"})", "base64"},
      {R"({"image":5})", "image"},
      {R"({"image":"data:image/png,abc"})", "data URI"},
      {R"({"label":""})", "label"},
      {R"({"part":"dev"})", "part"},
      {R"({"time":"yesterday"})", "time"},
      {R"({"meta":[1]})", "meta"},
      {R"({"meta":{"a":{}}})", "meta.a"},
      {R"({"text":"a"} {"text":"b"})", "JSON"},
  };
  for (const auto& [json, word] : cases) {
    const auto sample = SampleFromJson(json);
    ASSERT_FALSE(sample.ok()) << json;
    EXPECT_EQ(sample.status().code(), Code::kInvalidArgument) << json;
    EXPECT_NE(sample.status().message().find(word), std::string::npos) << sample.status().ToString();
  }
}

TEST(SampleJson, DeepNestingAndTruncationAreErrors) {
  EXPECT_FALSE(SampleFromJson(std::string(250'000, '[')).ok());
  const std::string deep = R"({"meta":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
  EXPECT_FALSE(SampleFromJson(deep).ok());
  const std::string line = R"({"text":"a","label":"b","meta":{"k":"v"}})";
  for (size_t size = 0; size < line.size(); ++size) EXPECT_FALSE(SampleFromJson(line.substr(0, size)).ok()) << size;
}

TEST(SampleJson, RandomDamageNeverCrashes) {
  const std::string line =
      R"({"image":"aGVsbG8=","text":"a","label":"b","time":"2024-05-01T12:00:00Z","meta":{"k":"v"}})";
  for (uint64_t round = 0; round < 2000; ++round) {
    Rng rng(8, round);
    std::string bytes = line;
    for (int i = 0; i < 3; ++i) bytes[rng.Below(bytes.size())] = static_cast<char>(rng.Below(256));
    const auto sample = SampleFromJson(bytes);
    if (!sample.ok()) {
      EXPECT_FALSE(sample.status().message().empty());
    }
  }
}

}  // namespace
}  // namespace perennial::sources
