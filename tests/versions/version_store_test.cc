#include "storage/versions/version_store.h"

#include <gtest/gtest.h>

#include <atomic>

#include "storage/base/thread.h"
#include "tests/versions/store_case.h"

namespace perennial::versions {
namespace {

// Every test runs on the in-memory store and on RocksDB.
template <typename Case>
class VersionStoreTest : public testing::Test {
 protected:
  VersionStoreTest() { Open(); }
  void Open() {
    Result<std::unique_ptr<VersionStore>> opened = VersionStore::Open(case_.kv());
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    store_ = std::move(*opened);
  }
  void Reopen() {
    store_.reset();
    case_.ReopenKv();
    Open();
  }
  std::vector<std::string> Chunks(size_t count) {
    std::vector<std::string> chunks;
    for (size_t i = 0; i < count; ++i) chunks.push_back(RandomChunk(rng_, 100));
    return chunks;
  }
  // Overwrites the stored bytes of a chunk, as a failing disk would.
  void DamageChunk(const std::string& chunk) {
    kv::WriteBatch batch;
    batch.Put(*case_.kv().FindFamily("versions.chunks"), std::string(Sha256(chunk).View()), chunk + "x");
    ASSERT_TRUE(case_.kv().Write(batch, kv::Durability::kSynced).ok());
  }

  Rng rng_{51};
  Case case_;
  std::unique_ptr<VersionStore> store_;
};

using Cases = testing::Types<MemoryCase, RocksCase>;
TYPED_TEST_SUITE(VersionStoreTest, Cases);

TYPED_TEST(VersionStoreTest, PublishedVersionIsThereAfterReopen) {
  EXPECT_EQ(this->store_->NextVersion(), VersionId{1});
  const auto chunks = this->Chunks(3);
  const format::SignedManifest manifest = MakeVersion(1, chunks);
  ASSERT_TRUE(this->store_->Publish(manifest, "{}", chunks).ok());
  this->Reopen();
  EXPECT_EQ(this->store_->NextVersion(), VersionId{2});
  const Result<VersionRecord> record = this->store_->Get(VersionId{1});
  ASSERT_TRUE(record.ok()) << record.status().ToString();
  EXPECT_EQ(record->signed_manifest, manifest);
  EXPECT_EQ(record->report_json, "{}");
  EXPECT_EQ(record->fate, VersionFate::kPublished);
  EXPECT_TRUE(record->content_available);
  EXPECT_EQ(*this->store_->ReadObject(record->manifest.objects[0]), chunks[0] + chunks[1] + chunks[2]);
  EXPECT_EQ(this->store_->Get(VersionId{2}).status().code(), Code::kNotFound);
}

TYPED_TEST(VersionStoreTest, PublishRefusesMissingUnlistedAndForeignContent) {
  auto chunks = this->Chunks(2);
  const format::SignedManifest manifest = MakeVersion(1, chunks);
  EXPECT_EQ(this->store_->Publish(manifest, "{}", {chunks[0]}).code(), Code::kNotFound);
  EXPECT_EQ(this->store_->Publish(manifest, "{}", {chunks[0], chunks[1], "unlisted"}).code(), Code::kInvalidArgument);
  format::SignedManifest damaged = manifest;
  damaged.bytes.pop_back();
  EXPECT_EQ(this->store_->Publish(damaged, "{}", chunks).code(), Code::kCorruption);
  EXPECT_TRUE(this->store_->List().empty());
  EXPECT_FALSE(this->store_->HasChunk(Sha256(chunks[0]))) << "a refused publish leaves nothing behind";
}

TYPED_TEST(VersionStoreTest, AVersionNumberIsUsedOnceAndTheSameBytesAreFine) {
  const auto chunks = this->Chunks(2), others = this->Chunks(2);
  ASSERT_TRUE(this->store_->Publish(MakeVersion(1, chunks), "{}", chunks).ok());
  EXPECT_TRUE(this->store_->Publish(MakeVersion(1, chunks), "{}", chunks).ok());
  EXPECT_EQ(this->store_->Publish(MakeVersion(1, others), "{}", others).code(), Code::kAlreadyExists);
  EXPECT_FALSE(this->store_->HasChunk(Sha256(others[0])));
}

TYPED_TEST(VersionStoreTest, ChunksMayArriveOneByOneAndEachIsChecked) {
  const auto chunks = this->Chunks(3);
  EXPECT_EQ(this->store_->PutChunk(Sha256(chunks[0]), chunks[1]).code(), Code::kCorruption);
  EXPECT_FALSE(this->store_->HasChunk(Sha256(chunks[0])));
  for (const std::string& chunk : chunks) ASSERT_TRUE(this->store_->PutChunk(Sha256(chunk), chunk).ok());
  EXPECT_TRUE(this->store_->Publish(MakeVersion(1, chunks), "", {}).ok());
}

TYPED_TEST(VersionStoreTest, ADamagedChunkIsSeenAndHealedByPublishingItAgain) {
  const auto chunks = this->Chunks(2);
  ASSERT_TRUE(this->store_->Publish(MakeVersion(1, chunks), "{}", chunks).ok());
  this->DamageChunk(chunks[1]);
  EXPECT_EQ(this->store_->ReadChunk(Sha256(chunks[1])).status().code(), Code::kCorruption);
  EXPECT_FALSE(this->store_->HasChunk(Sha256(chunks[1])));
  EXPECT_EQ(this->store_->ReadObject(this->store_->Get(VersionId{1})->manifest.objects[0]).status().code(),
            Code::kCorruption);
  ASSERT_TRUE(this->store_->Publish(MakeVersion(1, chunks), "{}", chunks).ok());
  EXPECT_EQ(*this->store_->ReadChunk(Sha256(chunks[1])), chunks[1]);
}

TYPED_TEST(VersionStoreTest, FatesAndReasonsLast) {
  const auto chunks = this->Chunks(1);
  ASSERT_TRUE(this->store_->Publish(MakeVersion(3, chunks), "{}", chunks).ok());
  ASSERT_TRUE(this->store_->SetFate(VersionId{3}, VersionFate::kRolledBack, "error rate 7 %").ok());
  EXPECT_EQ(this->store_->SetFate(VersionId{4}, VersionFate::kStable, "").code(), Code::kNotFound);
  this->Reopen();
  const auto list = this->store_->List();
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0].fate, VersionFate::kRolledBack);
  EXPECT_EQ(list[0].reason, "error rate 7 %");
  EXPECT_EQ(FateName(list[0].fate), "rolled_back");
  EXPECT_EQ(this->store_->NextVersion(), VersionId{4}) << "numbers grow past gaps";
}

TYPED_TEST(VersionStoreTest, ListIsAscendingBeyondOneByte) {
  const auto chunks = this->Chunks(1);
  for (const uint64_t version : {300u, 2u, 256u, 10u}) {
    ASSERT_TRUE(this->store_->Publish(MakeVersion(version, chunks), "{}", chunks).ok());
  }
  std::vector<uint64_t> versions;
  for (const VersionRecord& record : this->store_->List()) versions.push_back(record.manifest.version.value);
  EXPECT_EQ(versions, (std::vector<uint64_t>{2, 10, 256, 300}));
}

TYPED_TEST(VersionStoreTest, SlotsChangeTogetherAndLast) {
  ASSERT_TRUE(this->store_->SetSlots({{"A", "1"}, {"B", "2"}}).ok());
  ASSERT_TRUE(this->store_->SetSlots({{"A", std::nullopt}, {"last_good", std::string("\0x", 2)}}).ok());
  this->Reopen();
  EXPECT_EQ(this->store_->Slot("A"), std::nullopt);
  EXPECT_EQ(this->store_->Slot("B"), "2");
  EXPECT_EQ(this->store_->Slot("last_good"), std::string("\0x", 2));
}

TYPED_TEST(VersionStoreTest, GarbageCollectionFreesOnlyWhatNoKeptVersionNeeds) {
  const auto shared = this->Chunks(1), first = this->Chunks(1), second = this->Chunks(1), loose = this->Chunks(1);
  ASSERT_TRUE(this->store_->Publish(MakeVersion(1, {shared[0], first[0]}), "{}", {shared[0], first[0]}).ok());
  ASSERT_TRUE(this->store_->Publish(MakeVersion(2, {shared[0], second[0]}), "{}", {shared[0], second[0]}).ok());
  ASSERT_TRUE(this->store_->PutChunk(Sha256(loose[0]), loose[0]).ok());
  const Result<uint64_t> freed = this->store_->CollectGarbage({VersionId{2}});
  ASSERT_TRUE(freed.ok());
  EXPECT_EQ(*freed, 200u);
  EXPECT_TRUE(this->store_->HasChunk(Sha256(shared[0])));
  EXPECT_TRUE(this->store_->HasChunk(Sha256(second[0])));
  EXPECT_FALSE(this->store_->HasChunk(Sha256(first[0])));
  EXPECT_FALSE(this->store_->HasChunk(Sha256(loose[0])));
  this->Reopen();
  EXPECT_FALSE(this->store_->Get(VersionId{1})->content_available) << "its record stays";
  EXPECT_TRUE(this->store_->Get(VersionId{2})->content_available);
  EXPECT_EQ(this->store_->NextVersion(), VersionId{3});
}

TYPED_TEST(VersionStoreTest, CollectedContentComesBackByPublishingTheSameBytes) {
  const auto chunks = this->Chunks(2);
  ASSERT_TRUE(this->store_->Publish(MakeVersion(1, chunks), "{}", chunks).ok());
  ASSERT_TRUE(this->store_->SetFate(VersionId{1}, VersionFate::kRetired, "old").ok());
  ASSERT_TRUE(this->store_->CollectGarbage({}).ok());
  EXPECT_EQ(this->store_->Publish(MakeVersion(1, chunks), "{}", {}).code(), Code::kNotFound);
  ASSERT_TRUE(this->store_->Publish(MakeVersion(1, chunks), "{}", chunks).ok());
  const Result<VersionRecord> record = this->store_->Get(VersionId{1});
  EXPECT_TRUE(record->content_available);
  EXPECT_EQ(record->fate, VersionFate::kRetired) << "what was decided about it stands";
}

// A publish that relies on stored chunks races gc: it must either find them and keep them, or fail; never succeed
// without content.
TYPED_TEST(VersionStoreTest, GarbageCollectionNeverEmptiesARunningPublish) {
  const auto chunks = this->Chunks(4);
  std::atomic<bool> done{false};
  Thread collector("collector", [&] {
    std::vector<VersionId> keep;
    while (!done.load()) {
      keep.clear();
      for (const VersionRecord& record : this->store_->List()) keep.push_back(record.manifest.version);
      EXPECT_TRUE(this->store_->CollectGarbage(keep).ok());
    }
  });
  int published = 0;
  for (uint64_t version = 1; version <= 40; ++version) {
    for (const std::string& chunk : chunks) ASSERT_TRUE(this->store_->PutChunk(Sha256(chunk), chunk).ok());
    // Chunks that belong to nobody yet may be collected in between; those that come with the publish may not.
    const bool given = version % 2 == 1;
    const Status status =
        this->store_->Publish(MakeVersion(version, chunks), "{}", given ? chunks : std::vector<std::string>{});
    if (!status.ok()) {
      ASSERT_FALSE(given) << status.ToString();
      EXPECT_EQ(status.code(), Code::kNotFound);
      continue;
    }
    ++published;
    const Result<VersionRecord> record = this->store_->Get(VersionId{version});
    ASSERT_TRUE(record.ok());
    // The collector may have listed the versions before this one came; then the record says so.
    const bool readable = this->store_->ReadObject(record->manifest.objects[0]).ok();
    EXPECT_TRUE(readable || !this->store_->Get(VersionId{version})->content_available);
  }
  done.store(true);
  collector.Join();
  EXPECT_GE(published, 20);
}

TYPED_TEST(VersionStoreTest, ReadObjectRefusesSizesThatDoNotFit) {
  const auto chunks = this->Chunks(2);
  ASSERT_TRUE(this->store_->Publish(MakeVersion(1, chunks), "{}", chunks).ok());
  format::ObjectRef object = this->store_->Get(VersionId{1})->manifest.objects[0];
  object.bytes -= 1;
  EXPECT_EQ(this->store_->ReadObject(object).status().code(), Code::kCorruption);
  object.bytes += 1;
  object.chunk_size = 99;
  EXPECT_EQ(this->store_->ReadObject(object).status().code(), Code::kCorruption);
}

}  // namespace
}  // namespace perennial::versions
