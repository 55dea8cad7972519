#include "updater/codec.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "storage/format/compress.h"
#include "tests/format/mangle.h"
#include "tests/format/random_image.h"
#include "updater/codecs.h"

namespace perennial::updater {
namespace {

using format::GrowHead;
using format::Nudge;
using format::RandomImage;
using format::VersionImage;

constexpr uint64_t kMax = 16u << 20;

void ExpectDeltaRoundTrips(const VersionImage& base, const VersionImage& target) {
  const Result<std::string> delta = EncodeDelta(base, target);
  ASSERT_TRUE(delta.ok()) << delta.status().ToString();
  const Result<VersionImage> back = DecodeDelta(base, *delta, kMax);
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  EXPECT_EQ(back->Root(), target.Root());
  EXPECT_EQ(back->tensors, target.tensors);
  EXPECT_EQ(back->labels, target.labels);
}

TEST(SnapshotZstd, RoundTripsRandomImages) {
  Rng rng(81);
  for (int i = 0; i < 50; ++i) {
    const VersionImage image = RandomImage(rng);
    const Result<VersionImage> back = DecodeSnapshot(*EncodeSnapshot(image), kMax);
    ASSERT_TRUE(back.ok()) << back.status().ToString();
    EXPECT_EQ(back->Root(), image.Root());
  }
}

TEST(SnapshotZstd, StopsAtTheCap) {
  Rng rng(82);
  EXPECT_EQ(DecodeSnapshot(*EncodeSnapshot(RandomImage(rng)), 100).status().code(), Code::kResourceExhausted);
}

TEST(DeltaRange, RoundTripsNudgedImagesAtEveryRateOfChange) {
  Rng rng(83);
  for (const double rate : {0.0, 0.001, 0.03, 0.3, 1.0}) {
    for (int i = 0; i < 20; ++i) {
      const VersionImage base = RandomImage(rng);
      ExpectDeltaRoundTrips(base, Nudge(base, rng, rate));
    }
  }
}

TEST(DeltaRange, CarriesExtremeCodesAndFloatBits) {
  Rng rng(84);
  VersionImage base = RandomImage(rng);
  VersionImage target = base;
  auto& from = base.tensors[0].codes;
  auto& to = target.tensors[0].codes;
  for (size_t i = 0; i < from.size(); ++i) {
    from[i] = i % 2 == 0 ? int8_t{127} : int8_t{-127};
    to[i] = static_cast<int8_t>(-from[i]);
  }
  target.tensors.back().values = {0.0f, -0.0f, 1e-45f, -3.4e38f, 3.4e38f};
  base.tensors.back().values = {-0.0f, 0.0f, -1e-45f, 3.4e38f, 1.0f};
  ExpectDeltaRoundTrips(base, target);
  ExpectDeltaRoundTrips(target, base);
}

TEST(DeltaRange, GrowsAndShrinksTheHead) {
  Rng rng(85);
  for (int i = 0; i < 20; ++i) {
    const VersionImage base = RandomImage(rng);
    const VersionImage grown = GrowHead(Nudge(base, rng, 0.05), 1 + static_cast<int64_t>(rng.Below(4)), rng);
    ExpectDeltaRoundTrips(base, grown);
    ExpectDeltaRoundTrips(grown, base);
  }
}

TEST(DeltaRange, ANewRowCostsAboutTheNewRow) {
  Rng rng(86);
  const VersionImage base = RandomImage(rng, 200);
  const VersionImage grown = GrowHead(base, 1, rng);
  EXPECT_LT(EncodeDelta(base, grown)->size(), 300u) << "12 + 1 floats, a label and the header";
}

TEST(DeltaRange, NewRenamedRemovedAndReshapedTensorsRoundTrip) {
  Rng rng(87);
  const VersionImage base = RandomImage(rng);
  VersionImage target = base;
  target.tensors[0].name = "renamed";
  target.tensors.push_back(format::RandomInt8Tensor("added", {3, 5}, rng));
  target.tensors.insert(target.tensors.begin(), format::RandomInt8Tensor("grown rows", {7, 2}, rng));
  ExpectDeltaRoundTrips(base, target);
  VersionImage reshaped = target;
  reshaped.tensors[0] = format::RandomInt8Tensor("grown rows", {9, 2}, rng);
  ExpectDeltaRoundTrips(target, reshaped);
  reshaped.tensors[0] = format::RandomInt8Tensor("grown rows", {7, 3}, rng);
  ExpectDeltaRoundTrips(target, reshaped);
  reshaped.tensors[0] = format::RandomFloatTensor("grown rows", {7, 2}, rng);
  ExpectDeltaRoundTrips(target, reshaped);
  VersionImage fewer = target;
  fewer.tensors.resize(2);
  ExpectDeltaRoundTrips(target, fewer);
}

TEST(DeltaRange, RefusesAnotherBase) {
  Rng rng(88);
  const VersionImage base = RandomImage(rng);
  const VersionImage target = Nudge(base, rng, 0.05);
  const std::string delta = *EncodeDelta(base, target);
  EXPECT_EQ(DecodeDelta(target, delta, kMax).status().code(), Code::kFailedPrecondition) << "the same delta twice";
  VersionImage other = base;
  other.tensors[0].codes[0] = static_cast<int8_t>(other.tensors[0].codes[0] == 0 ? 1 : 0);
  EXPECT_EQ(DecodeDelta(other, delta, kMax).status().code(), Code::kFailedPrecondition);
}

TEST(DeltaRange, RefusesAnotherArchitecture) {
  Rng rng(89);
  const VersionImage base = RandomImage(rng);
  VersionImage target = base;
  target.spec = *format::ModelSpec::Preset("small");
  EXPECT_EQ(EncodeDelta(base, target).status().code(), Code::kFailedPrecondition);
}

TEST(DeltaRange, StopsAtTheCap) {
  Rng rng(90);
  const VersionImage base = RandomImage(rng);
  EXPECT_EQ(DecodeDelta(base, *EncodeDelta(base, base), 600).status().code(), Code::kResourceExhausted);
}

TEST(DeltaRange, RefusesTruncationAtEveryByteAndTrailingBytes) {
  Rng rng(91);
  const VersionImage base = RandomImage(rng);
  const std::string delta = *EncodeDelta(base, Nudge(base, rng, 0.1));
  format::ExpectEveryTruncationIsRefused(delta, [&](const std::string& b) { return DecodeDelta(base, b, kMax); });
  EXPECT_EQ(DecodeDelta(base, delta + '\0', kMax).status().code(), Code::kCorruption);
}

TEST(DeltaRange, RefusesAFlipOfAnyBit) {
  Rng rng(92);
  const VersionImage base = RandomImage(rng);
  const std::string delta = *EncodeDelta(base, GrowHead(Nudge(base, rng, 0.1), 1, rng));
  for (size_t bit = 0; bit < 8 * delta.size(); ++bit) {
    std::string damaged = delta;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(DecodeDelta(base, damaged, kMax).ok()) << "bit " << bit;
  }
}

TEST(DeltaRange, SurvivesRandomDamage) {
  Rng rng(93);
  const VersionImage base = RandomImage(rng);
  const std::string delta = *EncodeDelta(base, Nudge(base, rng, 0.1));
  format::SurvivesRandomDamage(delta, 94, 5000, [&](const std::string& b) { return DecodeDelta(base, b, kMax); });
}

TEST(DeltaRange, AnIdenticalVersionTakesNextToNothing) {
  Rng rng(95);
  const VersionImage base = RandomImage(rng, 100);
  EXPECT_LT(EncodeDelta(base, base)->size(), 130u);
}

// The floor of the design: h2(p) + p bits a weight when a share p of the codes moves by one.
TEST(DeltaRange, StaysNearTheEntropyOfTheChange) {
  Rng rng(96);
  VersionImage base = RandomImage(rng);
  base.tensors = {format::RandomInt8Tensor("w", {256, 1024}, rng)};
  const struct { double changed, floor_bits; } cases[] = {{0.01, 0.091}, {0.03, 0.224}, {0.1, 0.569}};
  for (const auto& [changed, floor_bits] : cases) {
    VersionImage target = base;
    for (int8_t& code : target.tensors[0].codes) {
      if (rng.Chance(changed)) code = static_cast<int8_t>(std::clamp(code + (rng.Chance(0.5) ? 1 : -1), -127, 127));
    }
    const double bits = 8.0 * static_cast<double>(EncodeDelta(base, target)->size()) / (256.0 * 1024.0);
    EXPECT_LT(bits, floor_bits * 1.12) << changed;
  }
}

// A network of 512 KiB of codes; its instant head of 10 labels x 1,000 features is another's beside it.
TEST(DeltaRange, AVersionThatChangesOnlyTheInstantHeadCostsOnlyThat) {
  Rng rng(98);
  VersionImage backbone = RandomImage(rng);
  backbone.tensors = {format::RandomInt8Tensor("w", {512, 1024}, rng)};
  const auto with_head = [&](VersionImage image, uint64_t seed) {
    Rng head(seed);
    image.instant = format::InstantSpec{"patch-1", 1000, 7};
    image.tensors.push_back(format::RandomInt8Tensor("instant.weight", {10, 1000}, head));
    image.tensors.push_back(format::RandomFloatTensor("instant.bias", {10}, head));
    return image;
  };
  const auto delta_bytes = [](const VersionImage& base, const VersionImage& target) {
    const auto delta = EncodeDelta(base, target);
    EXPECT_TRUE(delta.ok());
    const auto back = DeltaRange().Decode(&base, *delta, kMax);
    EXPECT_TRUE(back.ok()) << back.status().ToString();
    EXPECT_EQ(back->Root(), target.Root());
    EXPECT_EQ(back->instant, target.instant);
    return delta->size();
  };
  const VersionImage first = with_head(backbone, 1);
  constexpr size_t kHeadBytes = 10 * 1000 + 2 * 4 * 10;
  EXPECT_LT(delta_bytes(backbone, first), kHeadBytes + 500) << "a head where there was none";
  EXPECT_LT(delta_bytes(first, backbone), 500u) << "and none any more";
  // A few more samples: one code in five moves by one.
  VersionImage second = first;
  second.trained_until += 10;
  for (int8_t& code : second.tensors[1].codes) {
    if (rng.Chance(0.2)) code = static_cast<int8_t>(std::clamp(code + (rng.Chance(0.5) ? 1 : -1), -127, 127));
  }
  const size_t small = delta_bytes(first, second);
  EXPECT_GT(small, 200u);
  EXPECT_LT(small, kHeadBytes / 6);
  // New values throughout: about their own size, and nothing of the network's.
  EXPECT_LT(delta_bytes(first, with_head(backbone, 2)), kHeadBytes + 1500);
}

TEST(DecodeObject, ChecksCodecKindBaseAndTarget) {
  Rng rng(97);
  const VersionImage base = RandomImage(rng);
  const VersionImage target = Nudge(base, rng, 0.05);
  const std::string delta = *EncodeDelta(base, target);
  format::ObjectRef object;
  object.kind = format::ObjectKind::kDelta;
  object.base_root = base.Root();
  object.codec = kCodecDeltaRange;
  object.decoded_bytes = kMax;
  EXPECT_TRUE(DecodeObject(object, target.Root(), &base, delta).ok());
  EXPECT_EQ(DecodeObject(object, base.Root(), &base, delta).status().code(), Code::kCorruption);
  EXPECT_EQ(DecodeObject(object, target.Root(), &target, delta).status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(DecodeObject(object, target.Root(), nullptr, delta).status().code(), Code::kFailedPrecondition);
  object.codec = kCodecSnapshotZstd;
  EXPECT_EQ(DecodeObject(object, target.Root(), &base, delta).status().code(), Code::kCorruption);
  object.codec = 99;
  EXPECT_EQ(DecodeObject(object, target.Root(), &base, delta).status().code(), Code::kNotFound);
}

TEST(Codecs, AreFoundByTheirId) {
  for (const uint32_t id : {kCodecSnapshotZstd, kCodecDeltaRange}) EXPECT_EQ((*FindCodec(id))->id(), id);
}

}  // namespace
}  // namespace perennial::updater
