#include "storage/format/manifest.h"

#include <gtest/gtest.h>

#include "tests/format/golden.h"
#include "tests/format/mangle.h"

namespace perennial::format {
namespace {

Manifest FixedManifest() {
  Manifest manifest;
  manifest.model_id = "default";
  manifest.version = VersionId{7};
  manifest.parent = VersionId{6};
  manifest.architecture = Sha256("architecture");
  manifest.target_root = Sha256("target");
  manifest.scale_set = 3;
  manifest.trained_until = 12345;
  manifest.report_hash = Sha256("{}");
  manifest.fp32_bytes = 520000;
  manifest.created_us = 1'700'000'000'000'000;
  manifest.expires_us = 1'700'000'100'000'000;
  ObjectRef snapshot;
  snapshot.codec = 1;
  snapshot.bytes = 150;
  snapshot.decoded_bytes = 400;
  snapshot.chunk_size = 100;
  snapshot.chunks = {Sha256("a"), Sha256("b")};
  ObjectRef delta = snapshot;
  delta.kind = ObjectKind::kDelta;
  delta.base = VersionId{6};
  delta.base_root = Sha256("base");
  delta.codec = 2;
  delta.bytes = 20;
  delta.chunks = {Sha256("c")};
  manifest.objects = {snapshot, delta};
  return manifest;
}

SignedManifest FixedSigned() {
  return {FixedManifest().Encode(), {{"KEYID001", std::string(64, 's')}, {"KEYID002", std::string(64, 't')}}};
}

TEST(Manifest, RoundTripsAndItsBytesStayAsTheyAre) {
  const std::string bytes = FixedManifest().Encode();
  EXPECT_EQ(bytes, Golden("manifest_v1.bin", bytes));
  const Result<Manifest> back = Manifest::Decode(bytes);
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  EXPECT_EQ(*back, FixedManifest());
}

TEST(Manifest, RefusesTruncationAtEveryByteAndTrailingBytes) {
  const std::string bytes = FixedManifest().Encode();
  ExpectEveryTruncationIsRefused(bytes, [](const std::string& b) { return Manifest::Decode(b); });
  EXPECT_EQ(Manifest::Decode(bytes + '\0').status().code(), Code::kCorruption);
}

TEST(Manifest, WhatDecodesEncodesToTheSameBytes) {
  const std::string bytes = FixedManifest().Encode();
  SurvivesRandomDamage(bytes, 41, 20000, [](const std::string& b) {
    Result<Manifest> manifest = Manifest::Decode(b);
    if (manifest.ok()) {
      EXPECT_EQ(manifest->Encode(), b);
    }
    return manifest;
  });
}

TEST(Manifest, RefusesASecondSpellingOfTheSameContent) {
  std::string bytes = FixedManifest().Encode();
  ASSERT_EQ(bytes[4], 7);  // the length of "default", as a varint
  bytes.replace(4, 1, std::string("\x87\x00", 2));
  EXPECT_EQ(Manifest::Decode(bytes).status().code(), Code::kCorruption);
}

TEST(Manifest, ValidateRefusesWhatMakesNoSense) {
  const auto ok = [](auto&& change) {
    Manifest manifest = FixedManifest();
    change(manifest);
    return manifest.Validate().ok() && Manifest::Decode(manifest.Encode()).ok();
  };
  EXPECT_TRUE(ok([](Manifest&) {}));
  EXPECT_FALSE(ok([](Manifest& m) { m.model_id.clear(); }));
  EXPECT_FALSE(ok([](Manifest& m) { m.model_id = "../x"; }));
  EXPECT_FALSE(ok([](Manifest& m) { m.version = VersionId{0}; }));
  EXPECT_FALSE(ok([](Manifest& m) { m.version = VersionId{UINT64_MAX}; }));
  EXPECT_FALSE(ok([](Manifest& m) { m.parent = m.version; }));
  EXPECT_FALSE(ok([](Manifest& m) { m.target_root = {}; }));
  EXPECT_FALSE(ok([](Manifest& m) { m.expires_us = m.created_us; }));
  EXPECT_FALSE(ok([](Manifest& m) { m.objects.clear(); }));
  EXPECT_FALSE(ok([](Manifest& m) { m.objects.erase(m.objects.begin()); })) << "no snapshot";
  EXPECT_FALSE(ok([](Manifest& m) { std::swap(m.objects[0], m.objects[1]); })) << "unsorted";
  EXPECT_FALSE(ok([](Manifest& m) { m.objects.push_back(m.objects[1]); })) << "twice";
  EXPECT_FALSE(ok([](Manifest& m) { m.objects.resize(65, m.objects[1]); }));
  EXPECT_FALSE(ok([](Manifest& m) { m.objects[1].base = m.version; }));
  EXPECT_FALSE(ok([](Manifest& m) { m.objects[1].base_root = {}; }));
  EXPECT_FALSE(ok([](Manifest& m) { m.objects[0].base = VersionId{1}; }));
  EXPECT_FALSE(ok([](Manifest& m) { m.objects[0].chunks.pop_back(); }));
  EXPECT_FALSE(ok([](Manifest& m) { m.objects[0].chunk_size = 0; }));
  EXPECT_FALSE(ok([](Manifest& m) { m.objects[0].chunk_size = kMaxChunkSize + 1; }));
  EXPECT_FALSE(ok([](Manifest& m) { m.objects[0].bytes = UINT64_MAX; }));
  EXPECT_FALSE(ok([](Manifest& m) { m.objects[0].decoded_bytes = 0; }));
}

TEST(Manifest, TooManyChunksAreRefused) {
  Manifest manifest = FixedManifest();
  manifest.objects[0].chunk_size = 1;
  manifest.objects[0].bytes = kMaxChunksPerObject + 1;
  manifest.objects[0].chunks.resize(kMaxChunksPerObject + 1);
  EXPECT_FALSE(manifest.Validate().ok());
  EXPECT_EQ(Manifest::Decode(std::string(kMaxManifestBytes + 1, 'x')).status().code(), Code::kCorruption);
}

TEST(SignedManifest, RoundTripsAndItsBytesStayAsTheyAre) {
  const std::string bytes = FixedSigned().Encode();
  EXPECT_EQ(bytes, Golden("signed_manifest_v1.bin", bytes));
  const Result<SignedManifest> back = SignedManifest::Decode(bytes);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, FixedSigned());
  EXPECT_EQ(back->Hash(), Sha256(FixedManifest().Encode()));
}

TEST(SignedManifest, RefusesTruncationExcessSignaturesAndDamage) {
  const std::string bytes = FixedSigned().Encode();
  ExpectEveryTruncationIsRefused(bytes, [](const std::string& b) { return SignedManifest::Decode(b); });
  SurvivesRandomDamage(bytes, 43, 5000, [](const std::string& b) { return SignedManifest::Decode(b); });
  SignedManifest many = FixedSigned();
  many.signatures.resize(17, many.signatures[0]);
  EXPECT_EQ(SignedManifest::Decode(many.Encode()).status().code(), Code::kCorruption);
}

}  // namespace
}  // namespace perennial::format
