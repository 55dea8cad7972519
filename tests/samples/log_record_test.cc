#include "storage/samples/log_record.h"

#include <gtest/gtest.h>

#include "storage/base/bytes.h"
#include "storage/samples/log_state.h"
#include "storage/samples/quarantine_record.h"
#include "storage/samples/source_record.h"

namespace perennial::samples {
namespace {

LogRecord SampleRecord() {
  LogRecord record;
  record.kind = EntryKind::kSample;
  record.held_out = true;
  record.appended_us = 1'700'000'000'000'001;
  record.image = Sha256("picture");
  record.sample.text = "t";
  record.sample.label = "l";
  record.sample.meta = {{"k", "v"}};
  return record;
}

LogRecord LabelRecord() {
  LogRecord record;
  record.kind = EntryKind::kLateLabel;
  record.appended_us = 5;
  record.labels = Offset{300};
  record.label = "scratch";
  return record;
}

// Every prefix must be refused, and every whole record read back.
template <typename Decode>
void ExpectOnlyWholeIsRead(const std::string& bytes, Decode decode) {
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(decode(bytes.substr(0, size)).status().code(), Code::kCorruption) << size;
  }
  EXPECT_EQ(decode(bytes + "x").status().code(), Code::kCorruption);
  EXPECT_TRUE(decode(bytes).ok());
}

TEST(LogRecord, RoundTripsEachKind) {
  LogRecord flush;
  flush.appended_us = -1;
  LogRecord forget;
  forget.kind = EntryKind::kForget;
  forget.source = "line 3";
  forget.since = Offset{7};
  forget.block = true;
  LogRecord erased;
  erased.kind = EntryKind::kErased;
  for (const LogRecord& record : {SampleRecord(), LabelRecord(), flush, forget, erased}) {
    EXPECT_EQ(LogRecord::ImageOf(record.Encode()).value(), record.image);
    const LogRecord back = LogRecord::Decode(record.Encode()).value();
    EXPECT_EQ(back.kind, record.kind);
    EXPECT_EQ(back.held_out, record.held_out);
    EXPECT_EQ(back.appended_us, record.appended_us);
    EXPECT_EQ(back.image, record.image);
    EXPECT_EQ(back.sample, record.sample);
    EXPECT_EQ(back.labels, record.labels);
    EXPECT_EQ(back.label, record.label);
    EXPECT_EQ(back.source, record.source);
    EXPECT_EQ(back.since, record.since);
    EXPECT_EQ(back.block, record.block);
  }
}

TEST(LogRecord, RefusesEveryTruncationAndTrailingBytes) {
  ExpectOnlyWholeIsRead(SampleRecord().Encode(), LogRecord::Decode);
  ExpectOnlyWholeIsRead(LabelRecord().Encode(), LogRecord::Decode);
}

TEST(LogRecord, HasTheBytesOfItsFormatPage) {
  EXPECT_EQ(HexEncode(LabelRecord().Encode()),
            "010100"
            "0500000000000000"
            "ac02"
            "07"
            "73637261746368");
}

TEST(LogRecord, RefusesUnknownVersionsKindsAndFlags) {
  for (const size_t at : {0, 1, 2}) {
    std::string bytes = LabelRecord().Encode();
    bytes[at] = '\x7f';
    EXPECT_EQ(LogRecord::Decode(bytes).status().code(), Code::kCorruption) << at;
  }
  std::string image_in_label = LabelRecord().Encode();
  image_in_label[2] = 2;
  EXPECT_EQ(LogRecord::Decode(image_in_label).status().code(), Code::kCorruption);
}

TEST(QuarantineRecord, RoundTripsAndRefusesTruncations) {
  QuarantineEntry entry;
  entry.id = 9;
  entry.error = ResourceExhausted("image: too large", "scale it down");
  entry.pointer = "train.tar!k12.png";
  entry.sample.image = std::string("\0\1", 2);
  entry.time_us = 77;
  const std::string bytes = EncodeQuarantine(entry);
  const QuarantineEntry back = DecodeQuarantine(9, bytes).value();
  EXPECT_EQ(back.error, entry.error);
  EXPECT_EQ(back.pointer, entry.pointer);
  EXPECT_EQ(back.sample, entry.sample);
  EXPECT_EQ(back.time_us, 77);
  ExpectOnlyWholeIsRead(bytes, [](const std::string& part) { return DecodeQuarantine(9, part); });
}

TEST(LogState, RoundTripsAndRefusesTruncations) {
  LogState state;
  state.stats = {.end = 1000,
                 .accepted = 2,
                 .duplicates = 3,
                 .quarantined = 4,
                 .waiting_for_label = 5,
                 .held_out = 6,
                 .trainable = 7,
                 .forgotten = 300,
                 .image_blobs = 8,
                 .quarantine_entries = 9,
                 .quarantine_bytes = 10'000};
  state.seed = UINT64_MAX;
  state.held_out_share = 0.05;
  const std::string bytes = state.Encode();
  const LogState back = LogState::Decode(bytes).value();
  EXPECT_EQ(back.Encode(), bytes);
  EXPECT_EQ(back.stats.trainable, 7U);
  EXPECT_EQ(back.held_out_share, 0.05);
  EXPECT_EQ(back.stats.forgotten, 300U);
  EXPECT_TRUE(back.quarantine_bytes_known);
  EXPECT_TRUE(back.sources_known);
  ExpectOnlyWholeIsRead(bytes, LogState::Decode);
}

TEST(LogState, ReadsVersion1WhichDidNotCountTheQuarantinesBytes) {
  const std::string bytes = HexDecode(
                                "01"
                                "0a0803020104030107"
                                "0205"
                                "9a9999999999a93f")
                                .value();
  const LogState back = LogState::Decode(bytes).value();
  EXPECT_EQ(back.stats.end, 10U);
  EXPECT_EQ(back.stats.quarantine_entries, 7U);
  EXPECT_EQ(back.next_quarantine_id, 2U);
  EXPECT_EQ(back.held_out_share, 0.05);
  EXPECT_FALSE(back.quarantine_bytes_known);
  ExpectOnlyWholeIsRead(bytes, LogState::Decode);
}

TEST(LogState, ReadsVersion2WhichHadNoRecordsOfSources) {
  LogState state;
  state.stats.quarantine_bytes = 5;
  std::string bytes = state.Encode();
  bytes[0] = 2;
  bytes.pop_back();
  const LogState back = LogState::Decode(bytes).value();
  EXPECT_EQ(back.stats.quarantine_bytes, 5U);
  EXPECT_FALSE(back.sources_known);
  ExpectOnlyWholeIsRead(bytes, LogState::Decode);
}

TEST(SourceRecord, RoundTripsAndRefusesTruncations) {
  SourceRecord record;
  record.samples = 1000;
  record.waiting = 1;
  record.held_out = 2;
  record.trainable = 3;
  record.forgotten = 994;
  record.blocked = record.pending = true;
  record.forgotten_at = Offset{500};
  record.since = Offset{300};
  const std::string bytes = record.Encode();
  const SourceRecord back = SourceRecord::Decode(bytes).value();
  EXPECT_EQ(back.Encode(), bytes);
  EXPECT_EQ(back.Live(), 6U);
  EXPECT_EQ(back.forgotten_at, Offset{500});
  EXPECT_FALSE(back.listed);
  ExpectOnlyWholeIsRead(bytes, SourceRecord::Decode);
  EXPECT_FALSE(SourceRecord::Decode("\x01\x10" + bytes.substr(2)).ok());
}

}  // namespace
}  // namespace perennial::samples
