#include "replay/replay_codec.h"

#include "storage/base/bytes.h"
#include "tests/replay/replay_fixture.h"

namespace perennial::replay {
namespace {

template <typename Decode>
void ExpectOnlyWholeIsRead(const std::string& bytes, Decode decode) {
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(decode(bytes.substr(0, size)).status().code(), Code::kCorruption) << size;
  }
  EXPECT_EQ(decode(bytes + "x").status().code(), Code::kCorruption);
  EXPECT_TRUE(decode(bytes).ok());
}

TEST(ReplayCodec, RoundTripsAndRefusesTruncations) {
  const std::string_view picture("\0\1\xff", 3);
  for (const auto kind : {Record::Payload::kNone, Record::Payload::kEncoded, Record::Payload::kPacked}) {
    Record record{Offset{300}, "text", "label", "source", "slice", kind, {}};
    if (kind != Record::Payload::kNone) record.payload = picture;
    const std::string bytes = EncodeRecord(record);
    const Record back = DecodeRecord(bytes).value();
    EXPECT_EQ(back.offset, record.offset);
    EXPECT_EQ(back.text, "text");
    EXPECT_EQ(back.label, "label");
    EXPECT_EQ(back.source, "source");
    EXPECT_EQ(back.slice, "slice");
    EXPECT_EQ(back.payload_kind, kind);
    EXPECT_EQ(back.payload, record.payload);
    EXPECT_EQ(back.Bytes(), 4 + 5 + 6 + 5 + record.payload.size());
    // The payload is what is left, so its own decoder finds a cut.
    const size_t head = bytes.size() - record.payload.size();
    for (size_t size = 0; size < head; ++size) EXPECT_FALSE(DecodeRecord(bytes.substr(0, size)).ok()) << size;
    EXPECT_EQ(DecodeRecord(bytes.substr(0, head)).ok(), kind == Record::Payload::kNone);
  }
  ExpectOnlyWholeIsRead(EncodeSlot({1000, 200, 3}), DecodeSlot);
  Partition partition;
  partition.key = "a | b";
  partition.seen = 500;
  ExpectOnlyWholeIsRead(EncodePartition(partition), DecodePartition);
  ExpectOnlyWholeIsRead(EncodeHeader({}), DecodeHeader);
  ExpectOnlyWholeIsRead(EncodeState({.logits = {1, 2, 3}, .loss = 4}), DecodeState);
}

TEST(ReplayCodec, ReadsAnExampleOfBeforeThereWereOtherPayloads) {
  const std::string bytes = HexDecode(
                                "01ac02"
                                "0174"
                                "016c"
                                "0173"
                                "026c69"
                                "03"
                                "0001ff")
                                .value();
  const Record record = DecodeRecord(bytes).value();
  EXPECT_EQ(record.offset, Offset{300});
  EXPECT_EQ(record.slice, "li");
  EXPECT_EQ(record.payload_kind, Record::Payload::kEncoded);
  EXPECT_EQ(record.payload, std::string_view("\0\1\xff", 3));
  ExpectOnlyWholeIsRead(bytes, DecodeRecord);
  EXPECT_EQ(DecodeRecord(HexDecode("01ac020174016c0173016c00").value()).value().payload_kind, Record::Payload::kNone);
  EXPECT_FALSE(DecodeRecord(HexDecode("03ac020174016c0173016c00").value()).ok());
}

TEST(ReplayCodec, ReadsAHeaderOfBeforeThereWereStates) {
  const Header header = DecodeHeader(std::string("\x01\x02\x07\x05\x04\x02", 6)).value();
  EXPECT_EQ(header.seen, 7U);
  EXPECT_EQ(header.partitions, 2U);
  EXPECT_EQ(header.states, 0U);
  EXPECT_EQ(DecodeHeader(std::string("\x03\x02\x07\x05\x04\x02", 6)).status().code(), Code::kCorruption);
}

TEST(ReplayCodec, HasTheBytesOfItsFormatPage) {
  EXPECT_EQ(HexEncode(Key("main", KeyKind::kSlot, 258)),
            "046d61696e"
            "73"
            "0000000000000102");
  EXPECT_EQ(HexEncode(EncodeRecord({Offset{300}, "t", "l", "s", "li", Record::Payload::kPacked, "xyz"})),
            "02"
            "ac02"
            "0174"
            "016c"
            "0173"
            "026c69"
            "02"
            "78797a");
  EXPECT_EQ(HexEncode(EncodeSlot({300, 2, 1})),
            "ac02"
            "02"
            "01");
  const Header header{.partition = ReplayOptions::Partition::kLabelAndSlice,
                      .seen = 300,
                      .next_id = 5,
                      .slots = 4,
                      .partitions = 2,
                      .states = 3};
  EXPECT_EQ(HexEncode(EncodeHeader(header)),
            "0202"
            "ac02"
            "05"
            "04"
            "02"
            "03");
  EXPECT_EQ(HexEncode(EncodeState({.logits = {0x3c00, 0xc000}, .loss = 0.5F})),
            "01"
            "0000003f"
            "02"
            "003c"
            "00c0");
  Partition partition;
  partition.key = "ab";
  partition.seen = 7;
  partition.was_largest = true;
  partition.bucket_position = 1;
  EXPECT_EQ(HexEncode(EncodePartition(partition)),
            "026162"
            "07"
            "01"
            "01");
}

}  // namespace
}  // namespace perennial::replay
