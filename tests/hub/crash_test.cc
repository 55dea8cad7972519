#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include "tests/hub/hub_process.h"

namespace perennial::hub {
namespace {

constexpr char kNdjson[] = "application/x-ndjson";
constexpr size_t kBatch = 50;

// What a client knows: which samples were acknowledged, and where.
struct Acknowledged {
  std::vector<std::optional<uint64_t>> offsets;
};

// Sends every batch that is not acknowledged yet; stops when the hub is gone. True when all were acknowledged.
bool Feed(HubProcess& hub, const std::vector<format::Sample>& samples, Acknowledged& known) {
  for (size_t begin = 0; begin < samples.size(); begin += kBatch) {
    if (known.offsets[begin]) continue;
    const auto answer = hub.client().Post("/api/v1/samples/bulk", BulkBody(samples, begin, begin + kBatch), kNdjson);
    if (!answer.ok() || answer->status != 200) return false;
    nlohmann::json items = nlohmann::json::parse(answer->body)["items"];
    for (size_t i = 0; i < items.size(); ++i) known.offsets[begin + i] = items[i]["offset"].get<uint64_t>();
  }
  return true;
}

bool Promoted(const nlohmann::json& event) { return event.value("type", "") == "promoted"; }

// Runs the loop until a version is decided, with a death at the n-th durable write. False when it had fewer and ended
// cleanly.
bool DiesAtWrite(int n, HubProcess& hub, const std::vector<format::Sample>& samples, Acknowledged& known) {
  const Status started = hub.Start(HubProcess::SmallFlags(), {{"PERENNIAL_CRASH_AT", std::to_string(n)}});
  if (started.ok() && Feed(hub, samples, known) && hub.Post("/api/v1/samples/flush", nlohmann::json::object()) == 200) {
    (void)hub.Follow(Promoted);
  }
  const auto ended = started.ok() && hub.Running() ? hub.Stop() : hub.WaitForEnd();
  EXPECT_TRUE(ended.ok()) << ended.status().ToString();
  if (!ended.ok()) return false;
  const bool killed = WIFSIGNALED(*ended) && WTERMSIG(*ended) == SIGKILL;
  EXPECT_TRUE(killed || (WIFEXITED(*ended) && WEXITSTATUS(*ended) == 0)) << *ended;
  return killed;
}

// Starts the hub again on what the death left, and looks whether all is there and the loop goes on.
void CheckAfterDeath(HubProcess& hub, const std::vector<format::Sample>& samples, const Acknowledged& known) {
  const Status again = hub.Start(HubProcess::SmallFlags());
  ASSERT_TRUE(again.ok()) << again.ToString();
  const uint64_t end_before = hub.Get("/api/v1/status")["log"]["end"].get<uint64_t>();
  // Every sample that was acknowledged is where it was said to be: sending it again is a duplicate of that offset.
  for (size_t begin = 0; begin < samples.size(); begin += kBatch) {
    const auto answer = hub.client().Post("/api/v1/samples/bulk", BulkBody(samples, begin, begin + kBatch), kNdjson);
    ASSERT_TRUE(answer.ok() && answer->status == 200);
    nlohmann::json items = nlohmann::json::parse(answer->body)["items"];
    for (size_t i = 0; i < items.size(); ++i) {
      if (!known.offsets[begin + i]) continue;
      EXPECT_EQ(items[i]["status"], "duplicate") << "sample " << begin + i;
      EXPECT_EQ(items[i]["offset"], *known.offsets[begin + i]);
      EXPECT_LT(items[i]["offset"], end_before);
    }
  }
  // The loop goes on to a version that is decided, and none is trained twice.
  ASSERT_EQ(hub.Post("/api/v1/samples/flush", nlohmann::json::object()), 200);
  if (hub.Get("/api/v1/status")["rollout"]["stable"] == 0) {
    const auto events = hub.Follow(Promoted);
    EXPECT_TRUE(Promoted(events.back())) << nlohmann::json(events).dump();
  }
  nlohmann::json status = hub.Get("/api/v1/status");
  EXPECT_EQ(status["log"]["accepted"], samples.size());
  EXPECT_LE(status["trainer"]["samples_trained"], status["log"]["trainable"]);
  const std::string stable = status["rollout"]["stable"].dump();
  EXPECT_EQ(hub.Get("/api/v1/versions/" + stable)["fate"], "stable");
  const auto stopped = hub.Stop();
  ASSERT_TRUE(stopped.ok());
  EXPECT_TRUE(WIFEXITED(*stopped) && WEXITSTATUS(*stopped) == 0);
}

// The writes are shared out over a few tests that may run side by side: each takes every kShards-th until the hub
// survives. Their number depends on how ingest, training and publishing fall between each other, so it is found out and
// not written down.
constexpr int kShards = 4;
constexpr int kFewest = 24;  // keys, rollout, ingest, checkpoints, publish and verdict have more than this together

class CrashTest : public ::testing::TestWithParam<int> {};

TEST_P(CrashTest, NothingAcknowledgedIsLostWhereverTheHubDies) {
  const auto samples = SimulatedSamples(1, 250, 50);
  int deaths = 0;
  for (int n = GetParam();; n += kShards) {
    SCOPED_TRACE("durable write " + std::to_string(n));
    auto folder = TemporaryFolder::Make("perennial-hub-crash");
    ASSERT_TRUE(folder.ok());
    HubProcess hub(folder->path());
    Acknowledged known;
    known.offsets.resize(samples.size());
    if (!DiesAtWrite(n, hub, samples, known)) break;
    ++deaths;
    CheckAfterDeath(hub, samples, known);
    if (HasFailure()) break;
  }
  EXPECT_GE(deaths, kFewest / kShards);
}

INSTANTIATE_TEST_SUITE_P(Shard, CrashTest, ::testing::Range(1, kShards + 1));

}  // namespace
}  // namespace perennial::hub
