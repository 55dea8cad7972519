#include "storage/base/hash.h"

#include <gtest/gtest.h>

#include <unordered_set>

#include "storage/base/thread.h"

namespace perennial {
namespace {

// FIPS 180-4's examples and the empty message.
TEST(Sha256, AgreesWithNistVectors) {
  EXPECT_EQ(Sha256("").Hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256("abc").Hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq").Hex(),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(Sha256(std::string(1'000'000, 'a')).Hex(),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, StreamInPiecesEqualsTheWhole) {
  const std::string text(1000, 'x');
  for (const size_t piece : {1, 7, 63, 64, 65, 999}) {
    Sha256Stream stream;
    for (size_t at = 0; at < text.size(); at += piece) stream.Update(std::string_view(text).substr(at, piece));
    EXPECT_EQ(stream.Finish(), Sha256(text)) << piece;
  }
  Sha256Stream empty;
  EXPECT_EQ(empty.Finish(), Sha256(""));
}

TEST(Sha256, IsSafeOnSeveralThreads) {
  std::vector<Hash256> hashes(4);
  {
    std::vector<Thread> threads;
    for (Hash256& hash : hashes) {
      threads.emplace_back("hash", [&hash] {
        for (int i = 0; i < 200; ++i) hash = Sha256("abc");
      });
    }
  }
  for (const Hash256& hash : hashes) EXPECT_EQ(hash, Sha256("abc"));
}

TEST(Hash256, ReadsOnlyWhatHasItsSize) {
  const Hash256 hash = Sha256("abc");
  EXPECT_EQ(Hash256::FromBytes(hash.View()).value(), hash);
  EXPECT_EQ(Hash256::FromHex(hash.Hex()).value(), hash);
  EXPECT_EQ(hash.Short(), "ba7816bf8f01");
  EXPECT_EQ(Hash256::FromBytes(hash.View().substr(1)).status().code(), Code::kCorruption);
  EXPECT_EQ(Hash256::FromBytes(std::string(33, 'x')).status().code(), Code::kCorruption);
  EXPECT_FALSE(Hash256::FromHex("zz").ok());
  EXPECT_TRUE(Hash256().IsZero());
  EXPECT_FALSE(hash.IsZero());
}

TEST(Hash256, OrdersByBytesAndHashes) {
  Hash256 low, high;
  low.bytes[31] = 255;
  high.bytes[0] = 1;
  EXPECT_LT(low, high);
  const std::unordered_set<Hash256> set = {low, high, low};
  EXPECT_EQ(set.size(), 2U);
}

// Computed with an independent implementation of the definition in hash.h; leaf i is SHA-256 of the byte i.
TEST(MerkleRoot, AgreesWithGoldenRoots) {
  const char* roots[] = {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                         "d9de27625445003d8a9739a851e3ff8d41c0683630b4d63a88327a6aaa37c409",
                         "604d540f09268b91672ab011394d5266ccd7d4484d0d109411a55848126a1b2c",
                         "d1f13800048f5909d4043fc0c152f6643280cba608b672715e56ce159a20629f",
                         "0dcc2b645c00dfa2338e1c7ac2c4b570beda5a476d58836e55e28bde55e6bee1",
                         "6b313b611b40676b9e1dfd70c4503f2379f88f0f1c2740fb7e1cacc32c113465"};
  std::vector<Hash256> leaves;
  for (const char* root : roots) {
    EXPECT_EQ(MerkleRoot(leaves).Hex(), root) << leaves.size();
    leaves.push_back(Sha256(std::string(1, static_cast<char>(leaves.size()))));
  }
}

TEST(MerkleRoot, ChangesWithOrderCountAndEveryLeaf) {
  std::vector<Hash256> leaves;
  for (const char* text : {"a", "b", "c", "d", "e"}) leaves.push_back(Sha256(text));
  const Hash256 root = MerkleRoot(leaves);
  for (size_t i = 0; i < leaves.size(); ++i) {
    std::vector<Hash256> changed = leaves;
    changed[i].bytes[0] ^= 1;
    EXPECT_NE(MerkleRoot(changed), root);
  }
  std::vector<Hash256> swapped = leaves;
  std::swap(swapped[0], swapped[1]);
  EXPECT_NE(MerkleRoot(swapped), root);
  std::vector<Hash256> twice_last = leaves;
  twice_last.push_back(leaves.back());
  EXPECT_NE(MerkleRoot(twice_last), root);
  EXPECT_NE(MerkleRoot({leaves[0]}), leaves[0]) << "a leaf is not a root";
}

}  // namespace
}  // namespace perennial
