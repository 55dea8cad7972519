#include "storage/format/sample.h"

#include <gtest/gtest.h>

#include "storage/base/rng.h"
#include "tests/format/golden.h"
#include "tests/format/mangle.h"

namespace perennial::format {
namespace {

std::string RandomBytes(Rng& rng, uint64_t max) {
  std::string bytes(rng.Below(max + 1), '\0');
  for (char& c : bytes) c = static_cast<char>(rng.Below(256));
  return bytes;
}

Sample RandomSample(Rng& rng) {
  Sample sample;
  sample.image = RandomBytes(rng, 300);
  sample.text = RandomBytes(rng, 60);
  if (rng.Chance(0.5)) sample.label = RandomBytes(rng, 10);
  sample.source = RandomBytes(rng, 10);
  sample.id = RandomBytes(rng, 10);
  sample.group = RandomBytes(rng, 10);
  sample.slice = RandomBytes(rng, 10);
  sample.time_us = static_cast<int64_t>(rng.Next());
  sample.part = rng.Chance(0.5) ? Part::kTrain : Part::kTest;
  for (uint64_t i = rng.Below(4); i > 0; --i) sample.meta[RandomBytes(rng, 5)] = RandomBytes(rng, 9);
  return sample;
}

Sample FixedSample() {
  Sample sample;
  sample.image = std::string("\xff\xd8\xff\xe0 not a whole image", 22);
  sample.text = "is there a scratch?";
  sample.label = "yes";
  sample.source = "camera-7";
  sample.id = "000042";
  sample.group = "part-9";
  sample.slice = "steel";
  sample.time_us = 1'700'000'000'123'456;
  sample.part = Part::kTest;
  sample.meta = {{"line", "3"}, {"operator", "b"}};
  return sample;
}

TEST(SampleRecord, RoundTripsAnySample) {
  Rng rng(11);
  for (int i = 0; i < 500; ++i) {
    const Sample sample = RandomSample(rng);
    const Result<Sample> back = DecodeSample(EncodeSample(sample));
    ASSERT_TRUE(back.ok()) << back.status().ToString();
    EXPECT_EQ(*back, sample);
  }
}

TEST(SampleRecord, BytesOfVersionOneStayAsTheyAre) {
  const std::string bytes = EncodeSample(FixedSample());
  EXPECT_EQ(bytes, Golden("sample_v1.bin", bytes));
  const Result<Sample> back = DecodeSample(Golden("sample_v1.bin", bytes));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, FixedSample());
}

TEST(SampleRecord, RefusesTruncationAtEveryByteAndTrailingBytes) {
  const std::string bytes = EncodeSample(FixedSample());
  ExpectEveryTruncationIsRefused(bytes, [](const std::string& b) { return DecodeSample(b); });
  EXPECT_EQ(DecodeSample(bytes + '\0').status().code(), Code::kCorruption);
}

TEST(SampleRecord, SurvivesRandomDamage) {
  SurvivesRandomDamage(EncodeSample(FixedSample()), 12, 5000, [](const std::string& b) { return DecodeSample(b); });
}

TEST(SampleRecord, RefusesUnknownVersionAndFlags) {
  std::string bytes = EncodeSample(FixedSample());
  bytes[0] = 2;
  EXPECT_EQ(DecodeSample(bytes).status().code(), Code::kCorruption);
  bytes[0] = 1;
  bytes[1] = static_cast<char>(bytes[1] | 4);
  EXPECT_EQ(DecodeSample(bytes).status().code(), Code::kCorruption);
}

struct RuleCase {
  const char* name;
  void (*spoil)(Sample&);
  Code code;
  const char* field;
};

class SampleRules : public testing::TestWithParam<RuleCase> {};

TEST_P(SampleRules, NamesTheFieldThatIsWrong) {
  Sample sample = FixedSample();
  GetParam().spoil(sample);
  const Status status = ValidateSample(sample, SampleLimits{});
  EXPECT_EQ(status.code(), GetParam().code) << status.ToString();
  EXPECT_EQ(status.message().rfind(std::string(GetParam().field) + ":", 0), 0u) << status.message();
  EXPECT_FALSE(status.hint().empty());
}

INSTANTIATE_TEST_SUITE_P(
    All, SampleRules,
    testing::Values(
        RuleCase{"Neither", [](Sample& s) { s.image.clear(), s.text.clear(); }, Code::kInvalidArgument, "image"},
        RuleCase{"HugeImage", [](Sample& s) { s.image.assign((16u << 20) + 1, 'x'); }, Code::kResourceExhausted,
                 "image"},
        RuleCase{"LongText", [](Sample& s) { s.text.assign(4097, 'x'); }, Code::kResourceExhausted, "text"},
        RuleCase{"TextNotUtf8", [](Sample& s) { s.text = std::string("\xff"); }, Code::kInvalidArgument, "text"},
        RuleCase{"TextControl", [](Sample& s) { s.text = std::string("a\x01"); }, Code::kInvalidArgument, "text"},
        RuleCase{"TextC1Control", [](Sample& s) { s.text = std::string("a\xc2\x85"); }, Code::kInvalidArgument, "text"},
        RuleCase{"EmptyLabel", [](Sample& s) { s.label = std::string(""); }, Code::kInvalidArgument, "label"},
        RuleCase{"LongLabel", [](Sample& s) { s.label = std::string(257, 'x'); }, Code::kResourceExhausted, "label"},
        RuleCase{"LabelLineBreak", [](Sample& s) { s.label = std::string("a\nb"); }, Code::kInvalidArgument, "label"},
        RuleCase{"SourceNotUtf8", [](Sample& s) { s.source = std::string("\xc0\x80"); }, Code::kInvalidArgument,
                 "source"},
        RuleCase{"LongId", [](Sample& s) { s.id.assign(257, 'x'); }, Code::kResourceExhausted, "id"},
        RuleCase{"GroupTab", [](Sample& s) { s.group = std::string("a\tb"); }, Code::kInvalidArgument, "group"},
        RuleCase{"SliceDel", [](Sample& s) { s.slice = std::string("a\x7f"); }, Code::kInvalidArgument, "slice"},
        RuleCase{"TimeBefore1970", [](Sample& s) { s.time_us = -1; }, Code::kInvalidArgument, "time"},
        RuleCase{"MetaEmptyKey", [](Sample& s) { s.meta[""] = std::string("x"); }, Code::kInvalidArgument, "meta"},
        RuleCase{"MetaValueNotUtf8", [](Sample& s) { s.meta["k"] = std::string("\xff"); }, Code::kInvalidArgument,
                 "meta.k"},
        RuleCase{"MetaTooMuch", [](Sample& s) { s.meta["a"].assign(3000, 'x'), s.meta["b"].assign(3000, 'x'); },
                 Code::kResourceExhausted, "meta"}),
    [](const auto& tested) { return tested.param.name; });

TEST(SampleRulesAccept, ImageOnlyTextOnlyUnlabelledAndOtherLanguages) {
  const SampleLimits limits;
  Sample sample = FixedSample();
  EXPECT_TRUE(ValidateSample(sample, limits).ok());
  sample.text = "\xe6\x9c\x89\xe5\x88\x92\xe7\x97\x95\xe5\x90\x97\nline two";
  sample.label.reset();
  EXPECT_TRUE(ValidateSample(sample, limits).ok());
  sample.image.clear();
  EXPECT_TRUE(ValidateSample(sample, limits).ok());
  sample.image = "x";
  sample.text.clear();
  EXPECT_TRUE(ValidateSample(sample, limits).ok());
}

}  // namespace
}  // namespace perennial::format
