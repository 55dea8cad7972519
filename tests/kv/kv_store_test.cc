#include "storage/kv/kv_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "storage/base/bytes.h"
#include "storage/base/env.h"
#include "storage/base/rng.h"
#include "storage/base/thread.h"

namespace perennial::kv {
namespace {

using testing::ElementsAre;
using Pairs = std::vector<std::pair<std::string, std::string>>;

// How a store of each kind is made; both must pass every test of this file.
struct Memory {
  std::unique_ptr<KvStore> Open() { return OpenMemory({"a", "b"}); }
};
struct Rocks {
  std::unique_ptr<KvStore> Open() {
    return std::move(OpenRocks({.path = folder.path() + "/db", .families = {"a", "b"}, .quota = nullptr})).value();
  }
  TemporaryFolder folder = TemporaryFolder::Make("kv-test").value();
};

template <typename Maker>
class KvStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    store_ = maker_.Open();
    a_ = store_->FindFamily("a").value();
    b_ = store_->FindFamily("b").value();
  }
  void Put(Family family, const std::string& key, const std::string& value) {
    WriteBatch batch;
    batch.Put(family, key, value);
    ASSERT_TRUE(store_->Write(batch, Durability::kBuffered).ok());
  }
  std::optional<std::string> Get(Family family, const std::string& key) { return store_->Get(family, key).value(); }
  Pairs All(Family family) {
    Pairs pairs;
    const auto at = store_->NewIterator(family);
    for (at->SeekToFirst(); at->Valid(); at->Next()) pairs.emplace_back(at->key(), at->value());
    EXPECT_TRUE(at->status().ok());
    return pairs;
  }

  Maker maker_;
  std::unique_ptr<KvStore> store_;
  Family a_, b_;
};

using Stores = testing::Types<Memory, Rocks>;
TYPED_TEST_SUITE(KvStoreTest, Stores);

TYPED_TEST(KvStoreTest, ReadsWhatWasWrittenInItsFamilyOnly) {
  this->Put(this->a_, "k", "v");
  EXPECT_EQ(this->Get(this->a_, "k"), "v");
  EXPECT_EQ(this->Get(this->b_, "k"), std::nullopt);
}

TYPED_TEST(KvStoreTest, TellsEmptyValueFromAbsentKey) {
  this->Put(this->a_, "k", "");
  EXPECT_EQ(this->Get(this->a_, "k"), "");
  EXPECT_EQ(this->Get(this->a_, "other"), std::nullopt);
}

TYPED_TEST(KvStoreTest, KeepsBinaryKeysAndLargeValues) {
  const std::string key("\0\xff\n", 3);
  const std::string large(300'000, '\x7f');
  this->Put(this->a_, key, large);
  this->Put(this->a_, "", "empty key");
  EXPECT_EQ(this->Get(this->a_, key), large);
  EXPECT_EQ(this->Get(this->a_, ""), "empty key");
}

TYPED_TEST(KvStoreTest, RefusesUnknownFamilies) {
  EXPECT_EQ(this->store_->FindFamily("c").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(this->store_->Get(Family{77}, "k").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(this->store_->MultiGet(Family{77}, {"k"}).status().code(), Code::kInvalidArgument);
}

TYPED_TEST(KvStoreTest, AppliesNothingOfABatchItRefuses) {
  WriteBatch unknown_family;
  unknown_family.Put(this->a_, "k", "v");
  unknown_family.Put(Family{77}, "k", "v");
  EXPECT_EQ(this->store_->Write(unknown_family, Durability::kSynced).code(), Code::kInvalidArgument);
  WriteBatch backward_range;
  backward_range.Put(this->a_, "k", "v");
  backward_range.DeleteRange(this->a_, "z", "a");
  EXPECT_EQ(this->store_->Write(backward_range, Durability::kSynced).code(), Code::kInvalidArgument);
  EXPECT_EQ(this->Get(this->a_, "k"), std::nullopt);
  this->Put(this->a_, "k", "later");
  EXPECT_EQ(this->Get(this->a_, "k"), "later");
}

TYPED_TEST(KvStoreTest, AppliesABatchInItsOrder) {
  WriteBatch batch;
  batch.Put(this->a_, "1", "first");
  batch.Put(this->a_, "1", "second");
  batch.Put(this->a_, "2", "gone");
  batch.Delete(this->a_, "2");
  batch.Delete(this->a_, "3");
  batch.Put(this->a_, "3", "back");
  batch.Put(this->a_, "4", "in range");
  batch.DeleteRange(this->a_, "4", "5");
  batch.Put(this->a_, "45", "after range");
  ASSERT_TRUE(this->store_->Write(batch, Durability::kSynced).ok());
  EXPECT_THAT(this->All(this->a_),
              ElementsAre(std::pair("1", "second"), std::pair("3", "back"), std::pair("45", "after range")));
}

TYPED_TEST(KvStoreTest, DeletesARangeWithoutItsEnd) {
  for (const char* key : {"a", "b", "c", "d"}) this->Put(this->a_, key, key);
  this->Put(this->b_, "b", "other family");
  WriteBatch batch;
  batch.DeleteRange(this->a_, "b", "d");
  batch.DeleteRange(this->a_, "a", "a");
  ASSERT_TRUE(this->store_->Write(batch, Durability::kBuffered).ok());
  EXPECT_THAT(this->All(this->a_), ElementsAre(std::pair("a", "a"), std::pair("d", "d")));
  EXPECT_EQ(this->Get(this->b_, "b"), "other family");
}

TYPED_TEST(KvStoreTest, MultiGetAnswersInRequestOrder) {
  this->Put(this->a_, "x", "1");
  this->Put(this->a_, "y", "2");
  EXPECT_THAT(this->store_->MultiGet(this->a_, {"y", "none", "x", "y"}).value(),
              ElementsAre("2", std::nullopt, "1", "2"));
  EXPECT_TRUE(this->store_->MultiGet(this->a_, {}).value().empty());
}

TYPED_TEST(KvStoreTest, IteratesInByteOrderBothWays) {
  for (const uint64_t n : {300, 2, 70'000, 1}) this->Put(this->a_, BigEndian64(n), std::to_string(n));
  std::vector<uint64_t> forward, backward;
  const auto at = this->store_->NewIterator(this->a_);
  for (at->SeekToFirst(); at->Valid(); at->Next()) forward.push_back(ReadBigEndian64(at->key()));
  for (at->SeekToLast(); at->Valid(); at->Prev()) backward.push_back(ReadBigEndian64(at->key()));
  EXPECT_THAT(forward, ElementsAre(1, 2, 300, 70'000));
  EXPECT_THAT(backward, ElementsAre(70'000, 300, 2, 1));
  at->Seek(BigEndian64(3));
  ASSERT_TRUE(at->Valid());
  EXPECT_EQ(at->value(), "300");
  at->Seek(BigEndian64(70'001));
  EXPECT_FALSE(at->Valid());
}

TYPED_TEST(KvStoreTest, IteratesNothingInAnEmptyFamily) {
  const auto at = this->store_->NewIterator(this->b_);
  at->SeekToFirst();
  EXPECT_FALSE(at->Valid());
  at->SeekToLast();
  EXPECT_FALSE(at->Valid());
  at->Seek("x");
  EXPECT_FALSE(at->Valid());
}

TYPED_TEST(KvStoreTest, IteratorSeesTheStoreAsItWasWhenMade) {
  this->Put(this->a_, "1", "old");
  this->Put(this->a_, "2", "old");
  const auto before = this->store_->NewIterator(this->a_);
  WriteBatch batch;
  batch.Put(this->a_, "1", "new");
  batch.Delete(this->a_, "2");
  batch.Put(this->a_, "3", "new");
  ASSERT_TRUE(this->store_->Write(batch, Durability::kSynced).ok());
  Pairs seen;
  for (before->SeekToFirst(); before->Valid(); before->Next()) seen.emplace_back(before->key(), before->value());
  EXPECT_THAT(seen, ElementsAre(std::pair("1", "old"), std::pair("2", "old")));
  EXPECT_THAT(this->All(this->a_), ElementsAre(std::pair("1", "new"), std::pair("3", "new")));
}

TYPED_TEST(KvStoreTest, AcceptsAnEmptyBatch) {
  EXPECT_TRUE(this->store_->Write(WriteBatch(), Durability::kSynced).ok());
  EXPECT_TRUE(this->store_->Write(WriteBatch(), Durability::kBuffered).ok());
}

TYPED_TEST(KvStoreTest, GrowsInBytes) {
  const uint64_t before = this->store_->ApproximateBytes();
  Rng rng(1);
  std::string noise(500'000, '\0');
  for (char& c : noise) c = static_cast<char>(rng.Next());
  this->Put(this->a_, "noise", noise);
  EXPECT_GE(this->store_->ApproximateBytes(), before + 400'000);
}

TYPED_TEST(KvStoreTest, AgreesWithAPlainMapOnRandomBatches) {
  Rng rng(7);
  std::map<std::string, std::string> expected;
  for (int round = 0; round < 200; ++round) {
    WriteBatch batch;
    for (uint64_t i = rng.Below(8); i > 0; --i) {
      const std::string key = std::to_string(rng.Below(60));
      switch (rng.Below(5)) {
        case 0:
          batch.Delete(this->a_, key);
          expected.erase(key);
          break;
        case 1: {
          const std::string end = key + std::to_string(rng.Below(10));
          batch.DeleteRange(this->a_, key, end);
          expected.erase(expected.lower_bound(key), expected.lower_bound(end));
          break;
        }
        default: {
          const std::string value(rng.Below(4000), static_cast<char>('a' + rng.Below(26)));
          batch.Put(this->a_, key, value);
          expected[key] = value;
        }
      }
    }
    ASSERT_TRUE(this->store_->Write(batch, rng.Chance(0.1) ? Durability::kSynced : Durability::kBuffered).ok());
  }
  EXPECT_EQ(this->All(this->a_), Pairs(expected.begin(), expected.end()));
}

TYPED_TEST(KvStoreTest, ReadersNeverSeeHalfABatch) {
  constexpr int kRounds = 300;
  Thread writer("writer", [this] {
    for (int round = 1; round <= kRounds; ++round) {
      WriteBatch batch;
      for (const char* key : {"1", "2", "3"}) batch.Put(this->a_, key, std::to_string(round));
      if (!this->store_->Write(batch, Durability::kBuffered).ok()) return;
    }
  });
  std::string last;
  while (last != std::to_string(kRounds)) {
    const Pairs seen = this->All(this->a_);
    if (seen.empty()) continue;
    ASSERT_EQ(seen.size(), 3U);
    ASSERT_TRUE(seen[0].second == seen[1].second && seen[1].second == seen[2].second);
    last = seen[0].second;
  }
}

}  // namespace
}  // namespace perennial::kv
