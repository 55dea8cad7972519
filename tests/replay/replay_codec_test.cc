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
  Example example = MakeExample(300, "label", "source");
  example.image = std::string("\0\1\xff", 3);
  const std::string example_bytes = EncodeExample(example);
  const Example back = DecodeExample(example_bytes).value();
  EXPECT_EQ(back.offset, example.offset);
  EXPECT_EQ(back.image, example.image);
  EXPECT_EQ(back.text, example.text);
  EXPECT_EQ(back.label, example.label);
  EXPECT_EQ(back.source, example.source);
  EXPECT_EQ(back.slice, example.slice);
  ExpectOnlyWholeIsRead(example_bytes, DecodeExample);
  ExpectOnlyWholeIsRead(EncodeSlot({nullptr, 1000, 200, 3}), DecodeSlot);
  Partition partition;
  partition.key = "a | b";
  partition.seen = 500;
  ExpectOnlyWholeIsRead(EncodePartition(partition), DecodePartition);
  ExpectOnlyWholeIsRead(EncodeHeader({}), DecodeHeader);
  ExpectOnlyWholeIsRead(EncodeState({.logits = {1, 2, 3}, .loss = 4}), DecodeState);
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
  EXPECT_EQ(HexEncode(EncodeSlot({nullptr, 300, 2, 1})),
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
