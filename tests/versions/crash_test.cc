#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "tests/versions/store_case.h"

// Kills a child at each of its durable writes and looks at what it left. The child is this program, run again on one
// test.
namespace perennial::versions {
namespace {

constexpr const char* kFolder = "PERENNIAL_TEST_FOLDER";

std::vector<std::string> ChunksOf(uint64_t version) {
  Rng rng(version);
  return {RandomChunk(rng, 70000), RandomChunk(rng, 70000)};
}

kv::KvOptions OptionsFor(const std::string& folder) {
  kv::KvOptions options;
  options.path = folder;
  options.families = VersionStore::Families();
  return options;
}

// The child's part: three publishes, each followed by the slot change that names it.
TEST(CrashChild, PublishesThreeVersions) {
  const char* folder = std::getenv(kFolder);
  if (folder == nullptr) GTEST_SKIP() << "run by the parent test only";
  const auto kv = std::move(*kv::OpenRocks(OptionsFor(folder)));
  const auto store = std::move(*VersionStore::Open(*kv));
  for (uint64_t version = 1; version <= 3; ++version) {
    const auto chunks = ChunksOf(version);
    ASSERT_TRUE(store->Publish(MakeVersion(version, chunks), "{}", chunks).ok());
    ASSERT_TRUE(store->SetSlots({{"stable", std::to_string(version)}, {"last_good", std::to_string(version)}}).ok());
  }
}

// True when the child was killed at its `point`-th durable write point, false when it ended by itself.
bool RunChild(const std::string& folder, int point) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::setenv(kFolder, folder.c_str(), 1);
    ::setenv("PERENNIAL_CRASH_AT", std::to_string(point).c_str(), 1);
    ::execl("/proc/self/exe", "test_versions_crash", "--gtest_filter=CrashChild.*", "--gtest_brief=1", nullptr);
    ::_exit(127);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  if (WIFSIGNALED(status)) {
    EXPECT_EQ(WTERMSIG(status), SIGKILL);
    return true;
  }
  EXPECT_EQ(WEXITSTATUS(status), 0);
  return false;
}

void ExpectWholeVersionsOnly(const std::string& folder, int point) {
  const auto kv = std::move(*kv::OpenRocks(OptionsFor(folder)));
  const auto store = std::move(*VersionStore::Open(*kv));
  const auto records = store->List();
  for (const VersionRecord& record : records) {
    EXPECT_TRUE(store->ReadObject(record.manifest.objects[0]).ok()) << "killed at " << point;
  }
  for (uint64_t version = records.size() + 1; version <= 3; ++version) {
    for (const std::string& chunk : ChunksOf(version)) EXPECT_FALSE(store->HasChunk(Sha256(chunk))) << point;
  }
  EXPECT_EQ(store->Slot("stable"), store->Slot("last_good")) << "killed at " << point;
  EXPECT_LE(std::stoull(store->Slot("stable").value_or("0")), records.size());
  EXPECT_EQ(store->NextVersion().value, records.size() + 1);
}

TEST(VersionStoreCrash, PublishAndSlotsAreAllOrNothingAtEveryDurableWrite) {
  const auto parent = std::move(*TemporaryFolder::Make("versions-crash"));
  int kills = 0;
  for (int point = 1; point <= 100; ++point) {
    const std::string folder = parent.path() + "/" + std::to_string(point);
    const bool killed = RunChild(folder, point);
    ExpectWholeVersionsOnly(folder, point);
    if (!killed) break;
    ++kills;
  }
  EXPECT_GE(kills, 12) << "three publishes and three slot changes, before and after each";
  EXPECT_LT(kills, 100);
}

}  // namespace
}  // namespace perennial::versions
