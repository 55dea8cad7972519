#include "trainer/published_record.h"

#include <gtest/gtest.h>

namespace perennial::trainer {
namespace {

PublishedRecord ExampleRecord() {
  PublishedRecord record;
  record.version = VersionId{7};
  record.gate = {{"a", {100, 90}}, {"b", {5, 0}}};
  record.best = {{"a", 0.95}};
  record.NoteLearned("a", 0.9);
  record.NoteLearned("b", 0.4);
  record.peak = {{"a", {100, 93}}};
  record.labels = 4;
  record.labels_before = 2;
  return record;
}

TEST(PublishedRecord, RoundTripsAndRefusesEveryTruncation) {
  ByteWriter out;
  ExampleRecord().EncodeTo(out);
  const std::string bytes = out.Take();
  for (size_t length = 0; length <= bytes.size(); ++length) {
    ByteReader in(std::string_view(bytes).substr(0, length));
    PublishedRecord decoded;
    decoded.DecodeFrom(in);
    EXPECT_EQ(in.AtEnd(), length == bytes.size());
    if (length == bytes.size()) {
      EXPECT_EQ(decoded, ExampleRecord());
    }
  }
}

TEST(PublishedRecord, KeepsTheBestSinceTheLabelsLastGrew) {
  PublishedRecord record;
  record.NotePublished(VersionId{1}, 2, {{"a", {100, 99}}});
  record.NotePublished(VersionId{2}, 2, {{"a", {100, 95}}});
  EXPECT_EQ(record.peak["a"].correct, 99u);
  EXPECT_EQ(record.gate["a"].correct, 95u);
  EXPECT_EQ(record.labels_before, 0u);
  record.NotePublished(VersionId{3}, 4, {{"a", {100, 94}}, {"b", {0, 0}}});
  EXPECT_EQ(record.peak["a"].correct, 94u) << "with more labels the same accuracy is another task";
  EXPECT_EQ(record.peak.count("b"), 0u);
  EXPECT_EQ(record.labels, 4u);
  EXPECT_EQ(record.labels_before, 2u);
  EXPECT_EQ(record.version, VersionId{3});
}

TEST(PublishedRecord, KeepsTheAccuracyOfTheEndOfASlicesOwnPart) {
  PublishedRecord record;
  record.NoteLearned("a", 0.5);
  record.NoteLearned("a", 0.8);
  record.NoteLearned("b", 0.3);
  EXPECT_EQ(record.learned["a"], 0.8);
  record.NoteLearned("a", 0.1);  // the slice comes back later: its own part was the first
  EXPECT_EQ(record.learned["a"], 0.8);
  EXPECT_EQ(record.learned["b"], 0.3);
}

}  // namespace
}  // namespace perennial::trainer
