#include "storage/base/bytes.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "storage/base/rng.h"

namespace perennial {
namespace {

TEST(ByteWriter, WritesLittleEndianGoldenBytes) {
  ByteWriter out;
  out.U8(0xab);
  out.U16(0x0102);
  out.U32(0x01020304);
  out.U64(0x0102030405060708);
  out.I64(-2);
  out.F32(1.0F);
  out.F64(-2.0);
  out.Varint(300);
  out.Bytes("hi");
  out.Raw("!");
  EXPECT_EQ(HexEncode(out.data()),
            "ab"
            "0201"
            "04030201"
            "0807060504030201"
            "feffffffffffffff"
            "0000803f"
            "00000000000000c0"
            "ac02"
            "026869"
            "21");
}

TEST(ByteReader, ReadsBackWhatWasWritten) {
  Rng rng(1);
  for (int round = 0; round < 500; ++round) {
    const uint64_t shift = rng.Below(64);
    const uint64_t a = rng.Next() >> shift;
    const auto b = static_cast<uint32_t>(rng.Next());
    const std::string text(rng.Below(300), static_cast<char>(rng.Next()));
    const double number = rng.Normal();
    ByteWriter out;
    out.Varint(a);
    out.U32(b);
    out.Bytes(text);
    out.F64(number);
    out.F32(static_cast<float>(number));
    out.I64(static_cast<int64_t>(a));
    ByteReader in(out.data());
    EXPECT_EQ(in.Varint(), a);
    EXPECT_EQ(in.U32(), b);
    EXPECT_EQ(in.Bytes(), text);
    EXPECT_EQ(in.F64(), number);
    EXPECT_EQ(in.F32(), static_cast<float>(number));
    EXPECT_EQ(in.I64(), static_cast<int64_t>(a));
    EXPECT_TRUE(in.AtEnd());
    EXPECT_TRUE(in.Finish("round").ok());
  }
}

TEST(ByteReader, KeepsSpecialFloats) {
  ByteWriter out;
  out.F64(std::numeric_limits<double>::quiet_NaN());
  out.F64(-0.0);
  out.F64(std::numeric_limits<double>::infinity());
  ByteReader in(out.data());
  EXPECT_TRUE(std::isnan(in.F64()));
  EXPECT_TRUE(std::signbit(in.F64()));
  EXPECT_TRUE(std::isinf(in.F64()));
}

TEST(ByteReader, FailsForGoodAfterAnOverrun) {
  ByteReader in(std::string_view("\1\2\3", 3));
  EXPECT_EQ(in.U16(), 0x0201);
  EXPECT_EQ(in.U32(), 0U);
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(in.U8(), 0U) << "the byte that is left is not handed out any more";
  EXPECT_FALSE(in.AtEnd());
  EXPECT_EQ(in.Finish("thing").code(), Code::kCorruption);
  EXPECT_NE(in.Finish("thing").message().find("thing"), std::string::npos);
}

TEST(ByteReader, NamesTrailingBytes) {
  const ByteReader in("xy");
  EXPECT_EQ(in.Finish("thing").message(), "thing: 2 trailing bytes");
}

TEST(ByteReader, RefusesLengthsBeyondTheInputOrTheCap) {
  ByteWriter huge;
  huge.Varint(UINT64_MAX);
  ByteReader beyond(huge.data());
  EXPECT_TRUE(beyond.Bytes().empty());
  EXPECT_FALSE(beyond.ok());
  ByteWriter out;
  out.Bytes("12345");
  ByteReader capped(out.data());
  EXPECT_TRUE(capped.Bytes(4).empty());
  EXPECT_FALSE(capped.ok());
  ByteReader allowed(out.data());
  EXPECT_EQ(allowed.Bytes(5), "12345");
}

TEST(ByteReader, RefusesVarintsThatAreTooLongOrNotMinimal) {
  for (const std::string_view bad :
       {std::string_view("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02", 10),
        std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11), std::string_view("\x80\x00", 2),
        std::string_view("\x80", 1), std::string_view("")}) {
    ByteReader in(bad);
    EXPECT_EQ(in.Varint(), 0U);
    EXPECT_FALSE(in.ok());
  }
  ByteReader largest(std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10));
  EXPECT_EQ(largest.Varint(), UINT64_MAX);
  EXPECT_TRUE(largest.AtEnd());
}

TEST(BigEndian, SortsAsNumbersDo) {
  EXPECT_EQ(HexEncode(BigEndian64(0x0102030405060708)), "0102030405060708");
  Rng rng(2);
  for (int round = 0; round < 1000; ++round) {
    const uint64_t shift_a = rng.Below(64);
    const uint64_t a = rng.Next() >> shift_a;
    const uint64_t shift_b = rng.Below(64);
    const uint64_t b = rng.Next() >> shift_b;
    EXPECT_EQ(BigEndian64(a) < BigEndian64(b), a < b);
    EXPECT_EQ(ReadBigEndian64(BigEndian64(a)), a);
  }
}

}  // namespace
}  // namespace perennial
