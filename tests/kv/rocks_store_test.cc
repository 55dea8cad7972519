#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "storage/base/env.h"
#include "storage/base/rng.h"
#include "storage/base/thread.h"
#include "storage/kv/disk_quota.h"
#include "storage/kv/kv_store.h"

namespace perennial::kv {
namespace {

// What only a store on a disk can do: be opened again, be locked, run full, be damaged.
class RocksStoreTest : public testing::Test {
 protected:
  Result<std::unique_ptr<KvStore>> Open(std::vector<std::string> families = {"a", "b"}) {
    return OpenRocks({.path = folder_.path() + "/db", .families = std::move(families), .quota = quota_});
  }
  static Status Put(KvStore& store, const std::string& key, const std::string& value,
                    Durability durability = Durability::kSynced) {
    WriteBatch batch;
    batch.Put(store.FindFamily("a").value(), key, value);
    return store.Write(batch, durability);
  }
  static std::optional<std::string> Get(KvStore& store, const std::string& key) {
    return store.Get(store.FindFamily("a").value(), key).value();
  }
  static std::string Noise(size_t bytes, uint64_t seed) {
    Rng rng(seed);
    std::string noise(bytes, '\0');
    for (char& c : noise) c = static_cast<char>(rng.Next());
    return noise;
  }

  TemporaryFolder folder_ = TemporaryFolder::Make("rocks-test").value();
  std::shared_ptr<DiskQuota> quota_ = std::make_shared<DiskQuota>();
};

TEST_F(RocksStoreTest, KeepsEverythingOverReopening) {
  const std::string blob = Noise(100'000, 1);
  {
    auto store = Open().value();
    ASSERT_TRUE(Put(*store, "k", "v").ok());
    ASSERT_TRUE(Put(*store, "blob", blob, Durability::kBuffered).ok());
  }
  auto store = Open().value();
  EXPECT_EQ(Get(*store, "k"), "v");
  EXPECT_EQ(Get(*store, "blob"), blob);
}

TEST_F(RocksStoreTest, OpensFamiliesOnDiskThatTheCallerDoesNotName) {
  ASSERT_TRUE(Put(*Open().value(), "k", "v").ok());
  {
    auto store = Open({"new"}).value();
    EXPECT_TRUE(store->FindFamily("new").ok());
    EXPECT_EQ(Get(*store, "k"), "v");
  }
  auto store = Open({"b", "a"}).value();
  EXPECT_EQ(Get(*store, "k"), "v");
  EXPECT_TRUE(store->FindFamily("new").ok());
}

TEST_F(RocksStoreTest, SecondOpenerIsToldWhoToStop) {
  auto store = Open().value();
  const Status second = Open().status();
  EXPECT_EQ(second.code(), Code::kUnavailable) << second.ToString();
  EXPECT_NE(second.hint().find("--data"), std::string::npos);
  EXPECT_TRUE(Put(*store, "k", "v").ok());
}

TEST_F(RocksStoreTest, FullDiskFailsTheWriteAndRoomHealsIt) {
  {
    auto store = Open().value();
    ASSERT_TRUE(Put(*store, "before", "1").ok());
    quota_->Limit(50'000);
    const Status full = Put(*store, "large", Noise(200'000, 2));
    EXPECT_EQ(full.code(), Code::kResourceExhausted) << full.ToString();
    EXPECT_FALSE(full.hint().empty());
    EXPECT_EQ(Put(*store, "small", "x").code(), Code::kResourceExhausted);
    EXPECT_EQ(Get(*store, "before"), "1");
    EXPECT_EQ(Get(*store, "large"), std::nullopt);
    quota_->Lift();
    const Status healed = Put(*store, "after", "2");
    EXPECT_TRUE(healed.ok()) << healed.ToString();
    EXPECT_EQ(Get(*store, "after"), "2");
  }
  auto store = Open().value();
  EXPECT_EQ(Get(*store, "before"), "1");
  EXPECT_EQ(Get(*store, "large"), std::nullopt);
  EXPECT_EQ(Get(*store, "after"), "2");
}

TEST_F(RocksStoreTest, FirstWriteOnAFullDiskFailsCleanly) {
  auto store = Open().value();
  quota_->Limit(100);
  EXPECT_EQ(Put(*store, "k", Noise(5'000, 3)).code(), Code::kResourceExhausted);
  EXPECT_EQ(Put(*store, "k", "small").code(), Code::kResourceExhausted);
  EXPECT_EQ(Get(*store, "k"), std::nullopt);
  quota_->Lift();
  ASSERT_TRUE(Put(*store, "k", "v").ok());
  store.reset();
  EXPECT_EQ(Get(*Open().value(), "k"), "v");
}

// The quota is cut at many places, so the torn record, the flush of a recovery and the manifest all meet the end of the
// disk.
TEST_F(RocksStoreTest, WhatWasAcknowledgedAroundFullDisksIsThereAfterACopyOfTheFiles) {
  auto store = Open().value();
  Rng rng(4);
  std::vector<std::string> acknowledged;
  int refused = 0;
  for (int i = 0; i < 120; ++i) {
    if (i % 4 == 0) quota_->Limit(rng.Below(i < 60 ? 12'000 : 1'500'000));
    if (i % 16 == 5) {
      auto reader = store->NewIterator(store->FindFamily("a").value());
      reader->SeekToFirst();
    }
    if (i % 4 == 3) quota_->Lift();
    const std::string key = std::to_string(i);
    const Status status = Put(*store, key, Noise(3'000, static_cast<uint64_t>(i)));
    if (status.ok()) {
      acknowledged.push_back(key);
    } else {
      ASSERT_EQ(status.code(), Code::kResourceExhausted) << status.ToString();
      ++refused;
    }
    ASSERT_EQ(Get(*store, key).has_value(), status.ok());
  }
  EXPECT_GT(refused, 10);
  EXPECT_GT(acknowledged.size(), 40U);
  // The files of a process that was killed now: copied while the store is open.
  const std::string copy = folder_.path() + "/copy";
  std::filesystem::copy(folder_.path() + "/db", copy, std::filesystem::copy_options::recursive);
  auto after = OpenRocks({.path = copy, .families = {"a", "b"}, .quota = nullptr}).value();
  size_t held = 0;
  const auto at = after->NewIterator(after->FindFamily("a").value());
  for (at->SeekToFirst(); at->Valid(); at->Next()) ++held;
  EXPECT_EQ(held, acknowledged.size());
  for (const std::string& key : acknowledged) EXPECT_TRUE(Get(*after, key).has_value()) << key;
}

TEST_F(RocksStoreTest, AnOpenIteratorOnlyDelaysTheHealing) {
  auto store = Open().value();
  ASSERT_TRUE(Put(*store, "before", "1").ok());
  auto reader = store->NewIterator(store->FindFamily("a").value());
  quota_->Limit(100);
  EXPECT_FALSE(Put(*store, "k", Noise(5'000, 3)).ok());
  quota_->Lift();
  EXPECT_EQ(Put(*store, "k", "v").code(), Code::kUnavailable);
  reader->SeekToFirst();
  ASSERT_TRUE(reader->Valid());
  EXPECT_EQ(reader->value(), "1");
  reader.reset();
  EXPECT_TRUE(Put(*store, "k", "v").ok());
  EXPECT_EQ(Get(*store, "before"), "1");
}

TEST_F(RocksStoreTest, OpensWithATornTailAndKeepsWhatIsBeforeIt) {
  ASSERT_TRUE(Put(*Open().value(), "flushed", "0").ok());
  {
    auto store = Open().value();
    ASSERT_TRUE(Put(*store, "whole", "1").ok());
    ASSERT_TRUE(Put(*store, "torn", Noise(1'000, 5)).ok());
    std::filesystem::copy(folder_.path() + "/db", folder_.path() + "/copy", std::filesystem::copy_options::recursive);
  }
  std::string wal;
  for (const auto& file : std::filesystem::directory_iterator(folder_.path() + "/copy")) {
    if (file.path().extension() == ".log" && file.file_size() > 0) wal = file.path().string();
  }
  ASSERT_FALSE(wal.empty());
  std::filesystem::resize_file(wal, std::filesystem::file_size(wal) - 500);
  auto after = OpenRocks({.path = folder_.path() + "/copy", .families = {"a"}, .quota = nullptr}).value();
  EXPECT_EQ(Get(*after, "flushed"), "0");
  EXPECT_EQ(Get(*after, "whole"), "1");
  EXPECT_EQ(Get(*after, "torn"), std::nullopt);
}

TEST_F(RocksStoreTest, DamagedFilesAreCorruptionWithAHint) {
  ASSERT_TRUE(Put(*Open().value(), "k", "v").ok());
  std::ofstream(folder_.path() + "/db/CURRENT") << "MANIFEST-999999\n";
  const Status status = Open().status();
  EXPECT_FALSE(status.ok());
  EXPECT_FALSE(status.hint().empty()) << status.ToString();
}

TEST_F(RocksStoreTest, WhatWasDeletedIsInNoFileAfterAPurge) {
  auto store = Open().value();
  const auto in_files = [&](const std::string& bytes) {
    for (const auto& file : std::filesystem::directory_iterator(folder_.path() + "/db")) {
      std::ifstream in(file.path(), std::ios::binary);
      const std::string text{std::istreambuf_iterator<char>(in), {}};
      if (text.find(bytes) != std::string::npos) return true;
    }
    return false;
  };
  const std::string gone = Noise(50'000, 1), changed = Noise(300, 2), kept = Noise(50'000, 3);
  ASSERT_TRUE(Put(*store, "gone", gone).ok());
  ASSERT_TRUE(Put(*store, "changed", changed).ok());
  ASSERT_TRUE(Put(*store, "kept", kept).ok());
  const Family a = store->FindFamily("a").value();
  ASSERT_TRUE(store->Purge({a}).ok());
  EXPECT_TRUE(in_files(gone.substr(100, 64)));
  WriteBatch batch;
  batch.Delete(a, "gone");
  batch.Put(a, "changed", "new");
  ASSERT_TRUE(store->Write(batch, Durability::kSynced).ok());
  ASSERT_TRUE(store->Purge({a}).ok());
  EXPECT_FALSE(in_files(gone.substr(100, 64)));
  EXPECT_FALSE(in_files(changed.substr(100, 64)));
  EXPECT_TRUE(in_files(kept.substr(100, 64)));
  EXPECT_EQ(Get(*store, "kept"), kept);
  EXPECT_EQ(Get(*store, "changed"), "new");
  EXPECT_FALSE(store->Purge({Family{99}}).ok());
}

TEST_F(RocksStoreTest, ConcurrentWritersAllGetTheirWritesThroughAFullDisk) {
  auto store = Open().value();
  std::atomic<int> acknowledged{0};
  auto writer = [&](int number) {
    for (int i = 0; i < 50; ++i) {
      if (Put(*store, std::to_string(number) + "/" + std::to_string(i), Noise(500, 1)).ok()) ++acknowledged;
    }
  };
  {
    Thread one("one", [&] { writer(1); });
    Thread two("two", [&] { writer(2); });
    for (int i = 0; i < 10; ++i) {
      quota_->Limit(700);
      (void)Put(*store, "full", Noise(2'000, 2));
      quota_->Lift();
      const Status healed = Put(*store, "room", std::to_string(i));
      ASSERT_TRUE(healed.ok()) << healed.ToString();
    }
  }
  store.reset();
  store = Open().value();
  int held = 0;
  const auto at = store->NewIterator(store->FindFamily("a").value());
  for (at->SeekToFirst(); at->Valid(); at->Next()) held += at->key().find('/') != std::string_view::npos ? 1 : 0;
  EXPECT_EQ(held, acknowledged.load());
  EXPECT_EQ(Get(*store, "room"), "9");
}

}  // namespace
}  // namespace perennial::kv
