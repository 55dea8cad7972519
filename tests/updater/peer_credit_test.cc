#include "updater/transport/peer_credit.h"

#include <gtest/gtest.h>

#include "storage/base/rng.h"

namespace perennial::transport {
namespace {

std::vector<Hash256> Hashes(size_t count, uint64_t seed = 0) {
  std::vector<Hash256> hashes;
  for (size_t i = 0; i < count; ++i) hashes.push_back(Sha256(std::to_string(seed) + "/" + std::to_string(i)));
  return hashes;
}

TEST(PeerCredit, SendsWithinTheNodesCredit) {
  PeerCredit credit(1000, 16);
  ASSERT_TRUE(credit.OnRequest(1, 0, 250, Hashes(4)).ok());
  EXPECT_TRUE(credit.MaySend(100));
  credit.OnSent(100);
  EXPECT_TRUE(credit.MaySend(100));
  credit.OnSent(100);
  EXPECT_FALSE(credit.MaySend(100));
  ASSERT_TRUE(credit.OnRequest(1, 100, 250, {}).ok());
  EXPECT_TRUE(credit.MaySend(100));
}

TEST(PeerCredit, OwnCapHoldsWhateverTheNodeGrants) {
  PeerCredit credit(150, 16);
  ASSERT_TRUE(credit.OnRequest(1, 0, ~uint64_t{0}, Hashes(4)).ok());
  credit.OnSent(100);
  EXPECT_FALSE(credit.MaySend(100));
  // Acknowledging more than was sent opens nothing.
  ASSERT_TRUE(credit.OnRequest(1, ~uint64_t{0}, ~uint64_t{0}, {}).ok());
  EXPECT_EQ(credit.Inflight(), 0u);
}

TEST(PeerCredit, OneChunkMayAlwaysGo) {
  PeerCredit credit(10, 16);
  ASSERT_TRUE(credit.OnRequest(1, 0, 0, Hashes(2)).ok());
  EXPECT_TRUE(credit.MaySend(5000));
  credit.OnSent(5000);
  EXPECT_FALSE(credit.MaySend(1));
}

TEST(PeerCredit, NewGenerationDropsTheOldQueueAndOldOnesAreIgnored) {
  PeerCredit credit(1000, 16);
  ASSERT_TRUE(credit.OnRequest(1, 0, 1000, Hashes(4, 1)).ok());
  const std::vector<Hash256> fresh = Hashes(1, 2);
  ASSERT_TRUE(credit.OnRequest(2, 0, 1000, fresh).ok());
  ASSERT_TRUE(credit.OnRequest(1, 0, 1000, Hashes(4, 3)).ok());
  EXPECT_EQ(credit.Next(), fresh[0]);
  credit.OnSent(1);
  EXPECT_FALSE(credit.Wants());
}

TEST(PeerCredit, TooLongAQueueIsRefusedWhole) {
  PeerCredit credit(1000, 3);
  ASSERT_TRUE(credit.OnRequest(1, 0, 1000, Hashes(2)).ok());
  EXPECT_EQ(credit.OnRequest(1, 0, 1000, Hashes(2, 1)).code(), Code::kResourceExhausted);
  credit.OnSent(1);
  credit.OnSent(1);
  EXPECT_FALSE(credit.Wants());
}

TEST(PeerCredit, InflightNeverPassesTheCapUnderRandomRequests) {
  constexpr uint64_t kCap = 1000;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Rng rng(seed);
    PeerCredit credit(kCap, 64);
    for (int step = 0; step < 500; ++step) {
      if (rng.Chance(0.4)) {
        (void)credit.OnRequest(rng.Below(4), rng.Below(5000), rng.Below(3000), Hashes(rng.Below(5), rng.Next()));
      }
      const uint64_t size = 1 + rng.Below(300);
      if (credit.Wants() && credit.MaySend(size)) credit.OnSent(size);
      EXPECT_LE(credit.Inflight(), kCap);
    }
  }
}

}  // namespace
}  // namespace perennial::transport
