// Kills a node process at each of its durable writes during an update and looks at what boots from what it left. The
// node is this program, run again on one test; the hub lives here.
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>

#include "tests/updater/support/hub_and_node.h"

namespace perennial::updater {
namespace {

kv::KvOptions OptionsFor(const std::string& folder) {
  kv::KvOptions options;
  options.path = folder;
  options.families = versions::VersionStore::Families();
  options.write_buffer_bytes = 1u << 20;
  return options;
}

std::string Env(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// A node on a store on disk.
struct DiskNode {
  std::unique_ptr<kv::KvStore> kv;
  std::unique_ptr<versions::VersionStore> store;
  FakeEdge edge;
  SystemClock clock;
  std::unique_ptr<Subscriber> subscriber;

  Status Start(const std::string& folder, const trust::NodeBundle& bundle, SubscriberOptions options) {
    PERENNIAL_ASSIGN_OR_RETURN(kv, kv::OpenRocks(OptionsFor(folder)));
    PERENNIAL_ASSIGN_OR_RETURN(store, versions::VersionStore::Open(*kv));
    PERENNIAL_ASSIGN_OR_RETURN(subscriber,
                               Subscriber::Start(std::move(options), bundle, *store, edge, &edge, &edge, "", clock));
    return Status::Ok();
  }
};

// The child's part: follow the hub until the wanted version is stable or on trial, then end in order.
TEST(CrashChild, FollowsTheHub) {
  if (Env("PERENNIAL_TEST_STORE").empty()) GTEST_SKIP() << "run by the parent test only";
  const Result<trust::NodeBundle> bundle = trust::NodeBundle::Load(Env("PERENNIAL_TEST_BUNDLE"));
  ASSERT_TRUE(bundle.ok());
  SubscriberOptions options;
  options.announce_endpoint = Env("PERENNIAL_TEST_ANNOUNCE");
  options.bulk_endpoint = Env("PERENNIAL_TEST_BULK");
  options.report_interval = std::chrono::milliseconds(20);
  DiskNode node;
  const Status started = node.Start(Env("PERENNIAL_TEST_STORE"), *bundle, options);
  ASSERT_TRUE(started.ok()) << started.ToString();
  const VersionId wanted{std::stoull(Env("PERENNIAL_TEST_VERSION"))};
  const bool trial = Env("PERENNIAL_TEST_TRIAL") == "1";
  const auto there = [&] {
    const SubscriberStatus status = node.subscriber->GetStatus();
    return (trial ? status.candidate : status.stable) == wanted;
  };
  ASSERT_TRUE(Eventually(there)) << node.subscriber->GetStatus().last_error;
}

class NodeCrash : public ::testing::Test {
 protected:
  void SetUp() override {
    bundle_ = hub_.AddNode("edge-1");
    one_ = hub_.ReleaseStable(first_);
    ASSERT_FALSE(RunChild(folder_.path() + "/base", one_, false, 0));
  }
  // True when the child was killed at its `point`-th durable write, false when it reached `version`. Point 0 never
  // kills.
  bool RunChild(const std::string& store, VersionId version, bool trial, int point) {
    const SubscriberOptions options = hub_.NodeOptions();
    std::vector<std::string> variables = {"PERENNIAL_TEST_STORE=" + store,
                                          "PERENNIAL_TEST_BUNDLE=" + hub_.BundleFolder("edge-1"),
                                          "PERENNIAL_TEST_ANNOUNCE=" + options.announce_endpoint,
                                          "PERENNIAL_TEST_BULK=" + options.bulk_endpoint,
                                          "PERENNIAL_TEST_VERSION=" + version.ToString(),
                                          std::string("PERENNIAL_TEST_TRIAL=") + (trial ? "1" : "0"),
                                          "PERENNIAL_CRASH_AT=" + std::to_string(point),
                                          "PATH=" + Env("PATH")};
    std::vector<std::string> words = {"test_updater_crash", "--gtest_filter=CrashChild.*", "--gtest_brief=1"};
    std::vector<char*> environment, arguments;
    for (std::string& variable : variables) environment.push_back(variable.data());
    for (std::string& word : words) arguments.push_back(word.data());
    environment.push_back(nullptr);
    arguments.push_back(nullptr);
    pid_t child = 0;
    EXPECT_EQ(::posix_spawn(&child, "/proc/self/exe", nullptr, nullptr, arguments.data(), environment.data()), 0);
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) {
      EXPECT_EQ(WTERMSIG(status), SIGKILL);
      return true;
    }
    EXPECT_EQ(WEXITSTATUS(status), 0);
    return false;
  }
  // What a node boots from this store with no hub in reach.
  std::pair<VersionId, Hash256> Boot(const std::string& store) {
    SubscriberOptions nowhere;
    nowhere.announce_endpoint = "tcp://127.0.0.1:1";
    nowhere.bulk_endpoint = "tcp://127.0.0.1:1";
    DiskNode node;
    const Status started = node.Start(store, bundle_, nowhere);
    EXPECT_TRUE(started.ok()) << started.ToString();
    const VersionId stable = node.edge.stable();
    return {stable, node.edge.RootOf(stable)};
  }
  // Kills the update at every point; after each the old or the new version boots, whole, and the update then succeeds.
  void KillEverywhere(VersionId target, bool trial) {
    int kills = 0;
    for (int point = 1; point <= 200; ++point) {
      const std::string store = folder_.path() + "/" + std::to_string(point) + (trial ? "t" : "s");
      std::filesystem::copy(folder_.path() + "/base", store, std::filesystem::copy_options::recursive);
      const bool killed = RunChild(store, target, trial, point);
      const auto [version, root] = Boot(store);
      const bool old_one = version == one_ && root == first_.Root();
      const bool new_one = version == target && root == second_.Root();
      EXPECT_TRUE(old_one || (new_one && !trial)) << "killed at " << point << ": version " << version.value;
      EXPECT_FALSE(RunChild(store, target, trial, 0)) << "after the kill at " << point;
      std::filesystem::remove_all(store);
      if (!killed) break;
      ++kills;
    }
    // Boot, fence, publish, slots and the end, each before and after.
    EXPECT_GE(kills, 8);
    EXPECT_LT(kills, 200);
  }

  TestHub hub_;
  TemporaryFolder folder_ = *TemporaryFolder::Make("perennial-node-crash");
  trust::NodeBundle bundle_;
  const format::VersionImage first_ = MakeImage(1, 16);
  const format::VersionImage second_ = Trained(first_, 2);
  VersionId one_;
};

TEST_F(NodeCrash, UpdateKilledAtAnyDurableWriteBootsTheOldOrTheNewVersion) {
  KillEverywhere(hub_.ReleaseStable(second_), false);
}

TEST_F(NodeCrash, TrialKilledAtAnyDurableWriteBootsTheStableVersion) { KillEverywhere(hub_.Release(second_), true); }

}  // namespace
}  // namespace perennial::updater
