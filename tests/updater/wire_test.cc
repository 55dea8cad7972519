#include "updater/transport/wire.h"

#include <gtest/gtest.h>

#include "storage/base/bytes.h"
#include "storage/base/rng.h"

namespace perennial::transport {
namespace {

Hash256 RandomHash(Rng& rng) {
  Hash256 hash;
  for (uint8_t& byte : hash.bytes) byte = static_cast<uint8_t>(rng.Below(256));
  return hash;
}

std::string RandomText(Rng& rng, size_t max) {
  std::string text(rng.Below(max + 1), ' ');
  for (char& c : text) c = static_cast<char>(rng.Below(256));
  return text;
}

Report RandomReport(Rng& rng) {
  Report report{RandomText(rng, 64), RandomText(rng, 16),  {rng.Next()},        {rng.Next()}, rng.Next(),
                rng.Next(),          RandomText(rng, 200), RandomText(rng, 40), {},           std::nullopt};
  for (uint64_t i = rng.Below(kMaxArms + 1); i > 0; --i) {
    report.arms.push_back(
        {{rng.Next()}, rng.Next(), rng.Next(), rng.Next(), rng.Next(), rng.Next(), rng.Normal(), rng.Normal()});
  }
  if (rng.Chance(0.5)) report.refusal = Refusal{{rng.Next()}, RandomText(rng, 100)};
  return report;
}

// One random message of every type.
std::vector<Message> AllTypes(Rng& rng) {
  GetChunks get{rng.Next(), rng.Next(), rng.Next(), {}};
  for (uint64_t i = rng.Below(9); i > 0; --i) get.hashes.push_back(RandomHash(rng));
  return {Hello{RandomText(rng, 64), RandomText(rng, 64)},
          State{RandomText(rng, 300)},
          GetManifest{{rng.Next()}},
          ManifestReply{{rng.Next()}, RandomText(rng, 500)},
          get,
          ChunkReply{rng.Next(), RandomHash(rng), RandomText(rng, 900)},
          RandomReport(rng),
          Feedback{rng.Next(), RandomText(rng, 64), RandomText(rng, 64)},
          FeedbackAck{rng.Next(), rng.Chance(0.5)},
          ErrorReply{ErrorReply::About::kChunk, rng.Next(), RandomHash(rng), Code::kCorruption, RandomText(rng, 99)}};
}

TEST(Wire, EveryMessageComesBackAsItWas) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Rng rng(seed);
    for (const Message& message : AllTypes(rng)) {
      const Result<Message> back = DecodeMessage(EncodeMessage(message));
      ASSERT_TRUE(back.ok()) << back.status().ToString();
      EXPECT_EQ(*back, message);
    }
  }
}

TEST(Wire, TruncationAtEveryByteIsAnError) {
  Rng rng(7);
  for (const Message& message : AllTypes(rng)) {
    const std::string bytes = EncodeMessage(message);
    for (size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(DecodeMessage(std::string_view(bytes).substr(0, size)).ok()) << message.index() << " at " << size;
    }
    EXPECT_FALSE(DecodeMessage(bytes + "x").ok());
  }
}

TEST(Wire, DamagedBytesNeverDecodeToSomethingThatEncodesOtherwise) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    Rng rng(seed, 1);
    for (const Message& message : AllTypes(rng)) {
      std::string bytes = EncodeMessage(message);
      for (int flips = 0; flips < 20; ++flips) {
        bytes[rng.Below(bytes.size())] ^= static_cast<char>(1u << rng.Below(8));
        const Result<Message> back = DecodeMessage(bytes);
        if (!back.ok()) continue;
        // Varint lengths have one form each in what we write; a decoder may take a longer one.
        EXPECT_LE(EncodeMessage(*back).size(), bytes.size());
      }
    }
  }
}

TEST(Wire, CountsBeyondTheCapsAreRefusedBeforeAnyAllocation) {
  ByteWriter out;
  out.Raw("PU");
  out.U8(kWireVersion);
  out.U8(4);  // GetChunks
  for (int i = 0; i < 3; ++i) out.U64(1);
  out.U16(0xffff);
  EXPECT_EQ(DecodeMessage(out.data()).status().code(), Code::kCorruption);
}

TEST(Wire, AnotherWireVersionIsNamed) {
  std::string bytes = EncodeMessage(GetManifest{{1}});
  bytes[2] = 9;
  const Status status = DecodeMessage(bytes).status();
  EXPECT_NE(status.message().find("wire version 9"), std::string::npos);
}

TEST(Wire, LayoutIsPinned) {
  EXPECT_EQ(HexEncode(EncodeMessage(GetManifest{{258}})), "505501020201000000000000");
  EXPECT_EQ(HexEncode(EncodeMessage(FeedbackAck{1, true})), "50550108010000000000000001");
}

TEST(Wire, LongTextsAreCutToTheirCaps) {
  const Result<Message> back = DecodeMessage(EncodeMessage(Hello{std::string(500, 'n'), "m"}));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(std::get<Hello>(*back).name.size(), kMaxNameBytes);
}

}  // namespace
}  // namespace perennial::transport
