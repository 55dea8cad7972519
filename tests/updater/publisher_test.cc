#include "updater/publisher.h"

#include <gtest/gtest.h>

#include "storage/kv/fault_store.h"
#include "tests/format/random_image.h"
#include "updater/codec.h"

namespace perennial::updater {
namespace {

using format::Nudge;
using format::ObjectKind;
using format::VersionImage;

class PublisherTest : public testing::Test {
 protected:
  PublisherTest() { Open({}); }
  void Open(PublisherOptions options) {
    Result<std::unique_ptr<Publisher>> opened = Publisher::Open(*store_, *signer_, std::move(options), clock_);
    ASSERT_TRUE(opened.ok());
    publisher_ = std::move(*opened);
  }
  // Big enough that a delta's fixed bytes do not count.
  VersionImage FirstImage() {
    VersionImage image = format::RandomImage(rng_);
    image.tensors.push_back(format::RandomInt8Tensor("big", {64, 300}, rng_));
    return image;
  }
  VersionId MustPublish(const VersionImage& image, VersionId parent = {}, VersionId stable = {}) {
    const Result<PublishOutcome> outcome = publisher_->Publish(image, "{\"ok\":true}", parent, stable);
    EXPECT_TRUE(outcome.ok()) << outcome.status().ToString();
    return outcome->version;
  }
  format::Manifest ManifestOf(VersionId version) { return store_->Get(version)->manifest; }
  uint64_t ChunkBytes() {
    uint64_t bytes = 0;
    const auto chunk = memory_->NewIterator(*memory_->FindFamily("versions.chunks"));
    for (chunk->SeekToFirst(); chunk->Valid(); chunk->Next()) bytes += chunk->value().size();
    return bytes;
  }

  Rng rng_{111};
  ManualClock clock_;
  std::unique_ptr<kv::KvStore> memory_ = kv::OpenMemory(versions::VersionStore::Families());
  kv::FaultStore faults_{*memory_};
  std::unique_ptr<versions::VersionStore> store_ = std::move(*versions::VersionStore::Open(faults_));
  std::unique_ptr<trust::Signer> signer_ = trust::Signer::Generate();
  std::unique_ptr<Publisher> publisher_;
};

TEST_F(PublisherTest, FirstVersionIsASignedSnapshotThatDecodesToItsRoot) {
  const VersionImage image = FirstImage();
  const Result<PublishOutcome> outcome = publisher_->Publish(image, "{}", {}, {});
  ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
  EXPECT_EQ(outcome->version, VersionId{1});
  EXPECT_EQ(outcome->delta_bytes, 0u);
  EXPECT_FALSE(outcome->wants_new_scales);
  EXPECT_EQ(outcome->fp32_bytes, image.Fp32Bytes());
  const versions::VersionRecord record = *store_->Get(VersionId{1});
  const trust::Verifier verifier({signer_->public_key()}, 1);
  const Result<format::Manifest> manifest = verifier.VerifyManifest(record.signed_manifest);
  ASSERT_TRUE(manifest.ok()) << manifest.status().ToString();
  EXPECT_EQ(manifest->target_root, image.Root());
  EXPECT_EQ(manifest->report_hash, Sha256("{}"));
  EXPECT_EQ(manifest->created_us, clock_.WallMicros());
  EXPECT_EQ(manifest->expires_us, 0);
  ASSERT_EQ(manifest->objects.size(), 1u);
  const std::string bytes = *store_->ReadObject(manifest->objects[0]);
  EXPECT_TRUE(DecodeObject(manifest->objects[0], image.Root(), nullptr, bytes).ok());
}

TEST_F(PublisherTest, EveryObjectOfALaterVersionDecodesToItsRoot) {
  const VersionImage first = FirstImage(), second = Nudge(first, rng_, 0.03), third = Nudge(second, rng_, 0.03);
  MustPublish(first);
  MustPublish(second, VersionId{1}, VersionId{1});
  const Result<PublishOutcome> outcome = publisher_->Publish(third, "{}", VersionId{2}, VersionId{1});
  ASSERT_TRUE(outcome.ok());
  EXPECT_GT(outcome->delta_bytes, 0u);
  EXPECT_LT(outcome->delta_bytes, outcome->snapshot_bytes / 2);
  EXPECT_NEAR(outcome->changed_ratio, 0.03, 0.01);
  const format::Manifest manifest = ManifestOf(VersionId{3});
  EXPECT_EQ(manifest.parent, VersionId{2});
  ASSERT_EQ(manifest.objects.size(), 3u) << "a snapshot, a delta from stable, a delta from the previous version";
  EXPECT_EQ(manifest.objects[1].base, VersionId{1});
  EXPECT_EQ(manifest.objects[2].base, VersionId{2});
  EXPECT_EQ(outcome->delta_bytes, manifest.objects[1].bytes) << "nodes hold the stable version";
  const VersionImage* bases[] = {nullptr, &first, &second};
  for (size_t i = 0; i < 3; ++i) {
    const std::string bytes = *store_->ReadObject(manifest.objects[i]);
    const auto image = DecodeObject(manifest.objects[i], manifest.target_root, bases[i], bytes);
    ASSERT_TRUE(image.ok()) << image.status().ToString();
    EXPECT_EQ(image->tensors, third.tensors);
  }
}

TEST_F(PublisherTest, AHeadThatGrowsStillGoesAsADelta) {
  const VersionImage first = FirstImage();
  MustPublish(first);
  const VersionImage grown = format::GrowHead(Nudge(first, rng_, 0.01), 2, rng_);
  MustPublish(grown, VersionId{1}, VersionId{1});
  EXPECT_EQ(ManifestOf(VersionId{2}).objects.size(), 2u);
}

TEST_F(PublisherTest, ADeltaThatIsTooLargeIsNotShippedAndAsksForNewScales) {
  const VersionImage first = FirstImage();
  MustPublish(first);
  VersionImage scrambled = first;
  for (auto& tensor : scrambled.tensors) {
    for (int8_t& code : tensor.codes) code = static_cast<int8_t>(static_cast<int>(rng_.Below(255)) - 127);
  }
  const Result<PublishOutcome> outcome = publisher_->Publish(scrambled, "{}", VersionId{1}, VersionId{1});
  ASSERT_TRUE(outcome.ok());
  EXPECT_TRUE(outcome->wants_new_scales);
  EXPECT_EQ(outcome->delta_bytes, 0u);
  EXPECT_EQ(ManifestOf(outcome->version).objects.size(), 1u);
}

TEST_F(PublisherTest, NewScalesOrAnotherNetworkMeanASnapshotOnly) {
  VersionImage image = FirstImage();
  MustPublish(image);
  image.scale_set += 1;
  const Result<PublishOutcome> scales = publisher_->Publish(image, "{}", VersionId{1}, VersionId{1});
  ASSERT_TRUE(scales.ok());
  EXPECT_EQ(scales->delta_bytes, 0u);
  EXPECT_FALSE(scales->wants_new_scales) << "it has them";
  image.spec = *format::ModelSpec::Preset("small");
  MustPublish(image, VersionId{2}, VersionId{2});
  EXPECT_EQ(ManifestOf(VersionId{3}).objects.size(), 1u);
}

TEST_F(PublisherTest, TheDiffBaseAdvancesOnlyWhenThePublishIsDurable) {
  const VersionImage first = FirstImage(), lost = Nudge(first, rng_, 0.05), second = Nudge(lost, rng_, 0.05);
  MustPublish(first);
  faults_.FailWrites(1, ResourceExhausted("disk full"));
  EXPECT_EQ(publisher_->Publish(lost, "{}", VersionId{1}, VersionId{1}).status().code(), Code::kResourceExhausted);
  MustPublish(second, VersionId{1}, VersionId{1});
  const format::Manifest manifest = ManifestOf(VersionId{2});
  ASSERT_EQ(manifest.objects.size(), 2u);
  EXPECT_EQ(manifest.objects[1].base, VersionId{1});
  EXPECT_EQ(manifest.objects[1].base_root, first.Root());
  const std::string bytes = *store_->ReadObject(manifest.objects[1]);
  EXPECT_TRUE(DecodeObject(manifest.objects[1], second.Root(), &first, bytes).ok());
}

TEST_F(PublisherTest, ARestartedPublisherGoesOnFromTheLastVersion) {
  const VersionImage first = FirstImage();
  MustPublish(first);
  Open({});
  MustPublish(Nudge(first, rng_, 0.02), VersionId{1}, VersionId{1});
  const format::Manifest manifest = ManifestOf(VersionId{2});
  ASSERT_EQ(manifest.objects.size(), 2u);
  EXPECT_EQ(manifest.objects[1].base_root, first.Root());
}

TEST_F(PublisherTest, RepublishIsForwardAndAddsNoChunkBytes) {
  const VersionImage first = FirstImage(), second = Nudge(first, rng_, 0.05);
  MustPublish(first);
  MustPublish(second, VersionId{1}, VersionId{1});
  const uint64_t before = ChunkBytes();
  const Result<PublishOutcome> outcome = publisher_->Republish(VersionId{1}, "accuracy fell", VersionId{2});
  ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
  EXPECT_EQ(outcome->version, VersionId{3});
  EXPECT_EQ(ChunkBytes(), before);
  const versions::VersionRecord record = *store_->Get(VersionId{3});
  EXPECT_EQ(record.manifest.target_root, first.Root());
  EXPECT_EQ(record.reason, "content of version 1 in place of version 2: accuracy fell");
  EXPECT_TRUE(trust::Verifier({signer_->public_key()}, 1).VerifyManifest(record.signed_manifest).ok());
  EXPECT_EQ((*publisher_->Load(VersionId{3}))->Root(), first.Root());
  // The next delta starts from the republished content.
  MustPublish(Nudge(first, rng_, 0.02), VersionId{3}, VersionId{3});
  EXPECT_EQ(ManifestOf(VersionId{4}).objects[1].base, VersionId{3});
  EXPECT_EQ(ManifestOf(VersionId{4}).objects[1].base_root, first.Root());
}

TEST_F(PublisherTest, RepublishOfCollectedOrUnknownContentIsRefused) {
  MustPublish(FirstImage());
  ASSERT_TRUE(store_->CollectGarbage({}).ok());
  EXPECT_EQ(publisher_->Republish(VersionId{1}, "", {}).status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(publisher_->Republish(VersionId{9}, "", {}).status().code(), Code::kNotFound);
}

TEST_F(PublisherTest, RefusesAnImageThatIsNotValid) {
  VersionImage image = FirstImage();
  image.tensors[0].scales[0] = 0;
  EXPECT_EQ(publisher_->Publish(image, "{}", {}, {}).status().code(), Code::kInvalidArgument);
  EXPECT_TRUE(store_->List().empty());
}

TEST_F(PublisherTest, LargeVersionsAreCutIntoChunks) {
  PublisherOptions options;
  options.chunk_size = 1000;
  options.manifest_lifetime = std::chrono::hours(1);
  Open(options);
  MustPublish(FirstImage());
  const format::Manifest manifest = ManifestOf(VersionId{1});
  EXPECT_GT(manifest.objects[0].chunks.size(), 10u);
  EXPECT_EQ(manifest.expires_us, manifest.created_us + 3'600'000'000);
}

TEST_F(PublisherTest, LoadReadsFromTheStoreAfterARestartAndKnowsWhatIsGone) {
  const VersionImage first = FirstImage();
  MustPublish(first);
  EXPECT_EQ((*publisher_->Load(VersionId{1}))->tensors, first.tensors);
  Open({});
  EXPECT_EQ((*publisher_->Load(VersionId{1}))->tensors, first.tensors);
  EXPECT_EQ(publisher_->Load(VersionId{7}).status().code(), Code::kNotFound);
  ASSERT_TRUE(store_->CollectGarbage({}).ok());
  Open({});
  EXPECT_EQ(publisher_->Load(VersionId{1}).status().code(), Code::kNotFound);
}

TEST_F(PublisherTest, AnUnreadableBaseCostsTheDeltaAndNotThePublish) {
  const VersionImage first = FirstImage();
  MustPublish(first);
  kv::WriteBatch batch;
  const format::Manifest manifest = ManifestOf(VersionId{1});
  for (const Hash256& chunk : manifest.objects[0].chunks) {
    batch.Delete(*memory_->FindFamily("versions.chunks"), std::string(chunk.View()));
  }
  ASSERT_TRUE(memory_->Write(batch, kv::Durability::kSynced).ok());
  Open({});
  MustPublish(Nudge(first, rng_, 0.02), VersionId{1}, VersionId{1});
  ASSERT_EQ(ManifestOf(VersionId{2}).objects.size(), 1u);
  EXPECT_EQ(ManifestOf(VersionId{2}).objects[0].kind, ObjectKind::kSnapshot);
}

TEST(PublisherOptionsTest, ValidateNamesTheField) {
  PublisherOptions options;
  EXPECT_TRUE(options.Validate().ok());
  options.chunk_size = 0;
  EXPECT_FALSE(options.Validate().ok());
  options = {};
  options.delta_over_snapshot_limit = 0;
  EXPECT_FALSE(options.Validate().ok());
  options = {};
  options.model_id.clear();
  EXPECT_FALSE(options.Validate().ok());
}

}  // namespace
}  // namespace perennial::updater
