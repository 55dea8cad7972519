#include <gtest/gtest.h>

#include <algorithm>

#include "updater/codecs.h"
#include "updater/transport/manifest_check.h"
#include "updater/transport/object_choice.h"

namespace perennial::transport {
namespace {

using format::Manifest;

class ManifestRulesTest : public ::testing::Test {
 protected:
  Manifest MakeManifest() const {
    Manifest manifest;
    manifest.model_id = "default";
    manifest.version = {5};
    manifest.architecture = Sha256("arch");
    manifest.target_root = Sha256("root");
    manifest.created_us = 1000;
    manifest.objects = {Object(format::ObjectKind::kSnapshot, 0, 10'000)};
    return manifest;
  }
  static format::ObjectRef Object(format::ObjectKind kind, uint64_t base, uint64_t bytes) {
    format::ObjectRef object;
    object.kind = kind;
    object.base = {base};
    if (base != 0) object.base_root = Sha256("root " + std::to_string(base));
    object.codec = (kind == format::ObjectKind::kSnapshot ? updater::SnapshotZstd() : updater::DeltaRange()).id();
    object.bytes = bytes;
    object.decoded_bytes = 4 * bytes;
    object.chunk_size = 1000;
    for (uint64_t at = 0; at < bytes; at += 1000) {
      object.chunks.push_back(Sha256(std::to_string(base) + "/" + std::to_string(at)));
    }
    return object;
  }
  // Signs, names it as HEAD would, checks.
  Result<Manifest> Check(const Manifest& manifest) const {
    const format::SignedManifest envelope = signer_->SignManifest(manifest);
    return CheckManifest(envelope.Encode(), verifier_, {"default", {5}, envelope.Hash(), 5000, 1 << 20});
  }

  std::unique_ptr<trust::Signer> signer_ = trust::Signer::Generate();
  trust::Verifier verifier_{{signer_->public_key()}, 1};
};

TEST_F(ManifestRulesTest, GoodOneComesBack) {
  const Result<Manifest> checked = Check(MakeManifest());
  ASSERT_TRUE(checked.ok()) << checked.status().ToString();
  EXPECT_EQ(*checked, MakeManifest());
}

TEST_F(ManifestRulesTest, StrangersSignatureIsRefused) {
  const format::SignedManifest envelope = trust::Signer::Generate()->SignManifest(MakeManifest());
  EXPECT_EQ(CheckManifest(envelope.Encode(), verifier_, {"default", {5}, envelope.Hash(), 0, 1 << 20}).status().code(),
            Code::kPermissionDenied);
}

TEST_F(ManifestRulesTest, ValidManifestThatHeadDoesNotNameIsRefused) {
  const format::SignedManifest envelope = signer_->SignManifest(MakeManifest());
  EXPECT_EQ(CheckManifest(envelope.Encode(), verifier_, {"default", {5}, Sha256("other"), 0, 1 << 20}).status().code(),
            Code::kCorruption);
}

TEST_F(ManifestRulesTest, OtherModelVersionRuntimeOrExpiryIsRefused) {
  Manifest manifest = MakeManifest();
  manifest.model_id = "another";
  EXPECT_EQ(Check(manifest).status().code(), Code::kInvalidArgument);
  manifest = MakeManifest();
  manifest.version = {6};
  EXPECT_EQ(Check(manifest).status().code(), Code::kInvalidArgument);
  manifest = MakeManifest();
  manifest.minimum_runtime = kRuntimeVersion + 1;
  EXPECT_EQ(Check(manifest).status().code(), Code::kFailedPrecondition);
  manifest = MakeManifest();
  manifest.expires_us = 5000;
  EXPECT_EQ(Check(manifest).status().code(), Code::kFailedPrecondition);
  manifest.expires_us = 5001;
  EXPECT_TRUE(Check(manifest).ok());
}

TEST_F(ManifestRulesTest, ObjectsOverTheCapAreLeftOutAndNoneLeftIsAnError) {
  Manifest manifest = MakeManifest();
  manifest.objects[0].decoded_bytes = 2 << 20;
  EXPECT_EQ(Check(manifest).status().code(), Code::kFailedPrecondition);
}

TEST_F(ManifestRulesTest, FewestMissingBytesComeFirst) {
  Manifest manifest = MakeManifest();
  manifest.objects.push_back(Object(format::ObjectKind::kDelta, 3, 2'500));
  manifest.objects.push_back(Object(format::ObjectKind::kDelta, 4, 1'500));
  const auto entry = [&](uint64_t version) {
    return SlotEntry{{version}, {version}, Sha256("root " + std::to_string(version)), manifest.architecture, {}};
  };
  const auto none = [](const Hash256&) { return false; };
  std::vector<ObjectChoice> choices = ChooseObjects(manifest, {entry(3), entry(4)}, none);
  ASSERT_EQ(choices.size(), 3u);
  EXPECT_EQ(choices[0].object.base, VersionId{4});
  EXPECT_EQ(choices[1].object.base, VersionId{3});
  EXPECT_EQ(choices[2].missing_bytes, 10'000u);
  // Only what is held counts as a base, and only with its root and architecture.
  choices = ChooseObjects(manifest, {entry(3)}, none);
  ASSERT_EQ(choices.size(), 2u);
  EXPECT_EQ(choices[0].object.base, VersionId{3});
  SlotEntry wrong = entry(4);
  wrong.root = Sha256("other bytes");
  EXPECT_EQ(ChooseObjects(manifest, {wrong}, none).size(), 1u);
  wrong = entry(4);
  wrong.architecture = Sha256("other network");
  EXPECT_EQ(ChooseObjects(manifest, {wrong}, none).size(), 1u);
}

TEST_F(ManifestRulesTest, HalfFetchedSnapshotMayBeCheaperThanADelta) {
  Manifest manifest = MakeManifest();
  manifest.objects.push_back(Object(format::ObjectKind::kDelta, 4, 2'000));
  const SlotEntry four{{4}, {4}, Sha256("root 4"), manifest.architecture, {}};
  const std::vector<Hash256>& have = manifest.objects[0].chunks;
  const auto has = [&have](const Hash256& hash) {
    return hash != have.back() && std::count(have.begin(), have.end(), hash) > 0;
  };
  const std::vector<ObjectChoice> choices = ChooseObjects(manifest, {four}, has);
  EXPECT_EQ(choices[0].object.kind, format::ObjectKind::kSnapshot);
  EXPECT_EQ(choices[0].missing_bytes, 1'000u);
}

TEST_F(ManifestRulesTest, UnknownCodecIsPassedOver) {
  Manifest manifest = MakeManifest();
  manifest.objects[0].codec = 999;
  EXPECT_TRUE(ChooseObjects(manifest, {}, [](const Hash256&) { return false; }).empty());
}

}  // namespace
}  // namespace perennial::transport
