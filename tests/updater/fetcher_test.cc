#include "updater/transport/fetcher.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>

#include "storage/kv/kv_store.h"

namespace perennial::transport {
namespace {

using format::ObjectRef;

// A hub that answers in the same thread, and can be told to misbehave.
class ScriptedHub final : public BulkLink {
 public:
  void Send(Message message) override {
    if (const auto* request = std::get_if<GetChunks>(&message)) OnRequest(*request);
    if (const auto* request = std::get_if<GetManifest>(&message)) {
      ++manifest_requests;
      if (manifest_requests > silent_manifests) Push(ManifestReply{request->version, "the manifest"});
    }
  }
  std::optional<LinkEvent> Next(SteadyTime) override {
    if (events.empty()) return std::nullopt;
    LinkEvent event = std::move(events.front());
    events.pop_front();
    return event;
  }
  void Reconnect() override { ++reconnects; }
  void Push(Message message) { events.push_back({LinkEvent::Kind::kMessage, std::move(message), {}}); }

  std::map<Hash256, std::string> chunks;
  std::map<Hash256, int> corrupt;  // how often to send other bytes
  std::map<Hash256, int> sent;
  std::deque<LinkEvent> events;
  uint64_t swallow = 0;  // requests to ignore
  int silent_manifests = 0;
  int manifest_requests = 0;
  int reconnects = 0;
  uint64_t most_outstanding = 0;

 private:
  void OnRequest(const GetChunks& request) {
    if (request.generation != generation_) {
      generation_ = request.generation;
      sent_bytes_ = 0;
    }
    if (swallow > 0) {
      --swallow;
      return;
    }
    for (const Hash256& hash : request.hashes) {
      ++sent[hash];
      std::string bytes = chunks.at(hash);
      sent_bytes_ += bytes.size();
      if (corrupt[hash] > 0) {
        --corrupt[hash];
        bytes[0] ^= 1;
      }
      Push(ChunkReply{request.generation, hash, std::move(bytes)});
    }
    most_outstanding = std::max(most_outstanding, sent_bytes_ - request.received);
  }
  uint64_t generation_ = 0;
  uint64_t sent_bytes_ = 0;
};

class FetcherTest : public ::testing::Test {
 protected:
  // 100 chunks of 100 bytes and a last one of 50.
  void SetUp() override {
    object_.chunk_size = 100;
    object_.bytes = 10'050;
    for (int i = 0; i <= 100; ++i) {
      const std::string bytes(i == 100 ? 50 : 100, static_cast<char>(i));
      object_.chunks.push_back(Sha256(bytes));
      hub_.chunks[Sha256(bytes)] = bytes;
    }
  }
  Fetcher Make(std::function<Status()> go_on = [] { return Status::Ok(); }) {
    return Fetcher(hub_, *store_, {std::chrono::milliseconds(20), 1000, 3}, generation_, std::move(go_on),
                   [this](uint64_t bytes) { counted_ += bytes; });
  }

  std::unique_ptr<kv::KvStore> kv_ = kv::OpenMemory(versions::VersionStore::Families());
  std::unique_ptr<versions::VersionStore> store_ = *versions::VersionStore::Open(*kv_);
  ScriptedHub hub_;
  ObjectRef object_;
  uint64_t generation_ = 0;
  uint64_t counted_ = 0;
};

TEST_F(FetcherTest, StoresEveryChunkOnceWithinItsCredit) {
  ASSERT_TRUE(Make().Object(object_).ok());
  EXPECT_EQ(store_->ReadObject(object_)->size(), object_.bytes);
  EXPECT_EQ(counted_, object_.bytes);
  EXPECT_LE(hub_.most_outstanding, 1000u);
  for (const auto& [hash, times] : hub_.sent) EXPECT_EQ(times, 1);
}

TEST_F(FetcherTest, HeldChunksAreNotAskedFor) {
  for (size_t i = 0; i < 60; ++i) {
    ASSERT_TRUE(store_->PutChunk(object_.chunks[i], hub_.chunks[object_.chunks[i]]).ok());
  }
  ASSERT_TRUE(Make().Object(object_).ok());
  EXPECT_EQ(hub_.sent.size(), 41u);
  EXPECT_EQ(counted_, 40 * 100 + 50u);
  hub_.sent.clear();
  ASSERT_TRUE(Make().Object(object_).ok());
  EXPECT_TRUE(hub_.sent.empty());
}

TEST_F(FetcherTest, DamagedChunkIsAskedForAgain) {
  hub_.corrupt[object_.chunks[7]] = 2;
  ASSERT_TRUE(Make().Object(object_).ok());
  EXPECT_EQ(hub_.sent[object_.chunks[7]], 3);
  EXPECT_EQ(counted_, object_.bytes);
}

TEST_F(FetcherTest, HubThatKeepsSendingOtherBytesIsGivenUp) {
  hub_.corrupt[object_.chunks[7]] = 1000;
  EXPECT_EQ(Make().Object(object_).code(), Code::kCorruption);
  EXPECT_FALSE(store_->HasChunk(object_.chunks[7]));
}

TEST_F(FetcherTest, LostRequestIsRepeatedOnAFreshConnection) {
  hub_.swallow = 1;
  ASSERT_TRUE(Make().Object(object_).ok());
  EXPECT_EQ(hub_.reconnects, 1);
}

TEST_F(FetcherTest, SilentHubIsUnavailableAfterSomePatience) {
  hub_.swallow = 1000;
  EXPECT_EQ(Make().Object(object_).code(), Code::kUnavailable);
  hub_.silent_manifests = 1000;
  EXPECT_EQ(Make().Manifest({3}).status().code(), Code::kUnavailable);
}

TEST_F(FetcherTest, ManifestIsAskedForAgainAfterSilence) {
  hub_.silent_manifests = 1;
  EXPECT_EQ(*Make().Manifest({3}), "the manifest");
  EXPECT_EQ(hub_.manifest_requests, 2);
}

TEST_F(FetcherTest, ErrorOfTheHubEndsTheFetch) {
  hub_.swallow = 1;
  hub_.Push(ErrorReply{ErrorReply::About::kChunk, 99, {}, Code::kNotFound, "of an older request"});
  hub_.Push(ErrorReply{ErrorReply::About::kChunk, 1, {}, Code::kNotFound, "no such chunk"});
  const Status status = Make().Object(object_);
  EXPECT_EQ(status.code(), Code::kNotFound);
  EXPECT_NE(status.message().find("no such chunk"), std::string::npos);
}

TEST_F(FetcherTest, NewOrdersEndTheFetchAndItsChunksStay) {
  hub_.events.push_back({LinkEvent::Kind::kHeadChanged, {}, {}});
  EXPECT_EQ(Make([] { return Cancelled("HEAD moved on"); }).Object(object_).code(), Code::kCancelled);
}

TEST_F(FetcherTest, StopEndsTheFetch) {
  hub_.events.push_back({LinkEvent::Kind::kStop, {}, {}});
  EXPECT_EQ(Make().Object(object_).code(), Code::kCancelled);
}

}  // namespace
}  // namespace perennial::transport
