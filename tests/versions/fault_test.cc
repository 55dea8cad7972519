#include <gtest/gtest.h>

#include "storage/kv/fault_store.h"
#include "tests/versions/store_case.h"

namespace perennial::versions {
namespace {

class VersionStoreFaults : public testing::Test {
 protected:
  VersionStoreFaults() : store_(std::move(*VersionStore::Open(faults_))) {
    for (int i = 0; i < 2; ++i) chunks_.push_back(RandomChunk(rng_, 100));
  }
  Rng rng_{61};
  std::unique_ptr<kv::KvStore> memory_ = kv::OpenMemory(VersionStore::Families());
  kv::FaultStore faults_{*memory_};
  std::unique_ptr<VersionStore> store_;
  std::vector<std::string> chunks_;
};

TEST_F(VersionStoreFaults, AFailedPublishLeavesNothingAndTheNextOneSucceeds) {
  faults_.FailWrites(1, ResourceExhausted("disk full"));
  EXPECT_EQ(store_->Publish(MakeVersion(1, chunks_), "{}", chunks_).code(), Code::kResourceExhausted);
  EXPECT_TRUE(store_->List().empty());
  EXPECT_FALSE(store_->HasChunk(Sha256(chunks_[0])));
  EXPECT_EQ(store_->NextVersion(), VersionId{1});
  EXPECT_TRUE(store_->Publish(MakeVersion(1, chunks_), "{}", chunks_).ok());
}

TEST_F(VersionStoreFaults, PublishIsOneWrite) {
  const uint64_t before = faults_.writes();
  ASSERT_TRUE(store_->Publish(MakeVersion(1, chunks_), "{}", chunks_).ok());
  EXPECT_EQ(faults_.writes(), before + 1);
}

TEST_F(VersionStoreFaults, AFailedSlotChangeKeepsTheOldSlots) {
  ASSERT_TRUE(store_->SetSlots({{"A", "1"}}).ok());
  faults_.FailWrites(1, IoError("EIO"));
  EXPECT_EQ(store_->SetSlots({{"A", "2"}, {"B", "2"}}).code(), Code::kIoError);
  EXPECT_EQ(store_->Slot("A"), "1");
  EXPECT_EQ(store_->Slot("B"), std::nullopt);
}

TEST_F(VersionStoreFaults, AnUnreadableRecordStopsGarbageCollection) {
  ASSERT_TRUE(store_->Publish(MakeVersion(1, chunks_), "{}", chunks_).ok());
  faults_.FailReads(IoError("EIO"));
  EXPECT_EQ(store_->CollectGarbage({VersionId{1}}).status().code(), Code::kIoError);
  faults_.FailReads(Status::Ok());
  EXPECT_TRUE(store_->HasChunk(Sha256(chunks_[0])));
}

TEST(VersionStoreOpen, NeedsItsFamilies) {
  const auto kv = kv::OpenMemory({"other"});
  EXPECT_EQ(VersionStore::Open(*kv).status().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace perennial::versions
