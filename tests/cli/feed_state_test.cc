#include "api/cli/feed_state.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "storage/base/env.h"

namespace perennial::cli {
namespace {

TEST(FeedState, IsWrittenAndReadBack) {
  const auto folder = TemporaryFolder::Make("feed");
  const FeedState state{"/data", "http://h", "abc", 512, 500, 2, 6, 4};
  const std::string file = StatePath(folder->path() + "/deep/er", state);
  ASSERT_TRUE(SaveFeedState(file, state).ok());
  const auto loaded = LoadFeedState(file);
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  ASSERT_TRUE(loaded->has_value());
  EXPECT_EQ((*loaded)->path, "/data");
  EXPECT_EQ((*loaded)->position, 512u);
  EXPECT_EQ((*loaded)->refused, 4u);
  RemoveFeedState(file);
  EXPECT_FALSE(LoadFeedState(file)->has_value());
}

TEST(FeedState, EachHubAndPathHasItsOwnFile) {
  FeedState a, b;
  a.path = b.path = "/data";
  a.hub = "http://one";
  b.hub = "http://two";
  EXPECT_NE(StatePath("/s", a), StatePath("/s", b));
}

TEST(FeedState, ADamagedFileIsAnErrorAtEveryCut) {
  const auto folder = TemporaryFolder::Make("feed");
  const std::string file = folder->path() + "/s.json";
  ASSERT_TRUE(SaveFeedState(file, {"/data", "http://h", "abc", 1, 1, 0, 0, 0}).ok());
  const std::string whole = *Env::Posix().ReadFile(file, 10000);
  for (size_t size = 0; size + 2 < whole.size(); size += 5) {
    std::ofstream(file, std::ios::trunc) << whole.substr(0, size);
    EXPECT_EQ(LoadFeedState(file).status().code(), Code::kCorruption) << size;
  }
}

TEST(FeedState, TheFingerprintSeesChangedDataAndOptions) {
  const auto folder = TemporaryFolder::Make("feed");
  std::ofstream(folder->path() + "/a") << "1";
  const auto before = FingerprintData(folder->path(), "o");
  ASSERT_TRUE(before.ok());
  EXPECT_EQ(*FingerprintData(folder->path(), "o"), *before);
  EXPECT_NE(*FingerprintData(folder->path(), "p"), *before);
  std::ofstream(folder->path() + "/a") << "22";
  EXPECT_NE(*FingerprintData(folder->path(), "o"), *before);
  EXPECT_EQ(FingerprintData(folder->path() + "/none", "o").status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace perennial::cli
