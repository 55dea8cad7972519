#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <map>
#include <set>

#include "tests/hub/hub_process.h"

namespace perennial::hub {
namespace {

constexpr char kNdjson[] = "application/x-ndjson";

class HubTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryFolder::Make("perennial-hub-test");
    ASSERT_TRUE(folder.ok());
    folder_.emplace(*std::move(folder));
  }
  // Posts all samples in bulk and a flush; every answer must be good.
  static void Feed(HubProcess& hub, const std::vector<format::Sample>& samples) {
    constexpr size_t kBatch = 100;
    for (size_t i = 0; i < samples.size(); i += kBatch) {
      const auto answer = hub.client().Post("/api/v1/samples/bulk", BulkBody(samples, i, i + kBatch), kNdjson);
      ASSERT_TRUE(answer.ok()) << answer.status().ToString();
      ASSERT_EQ(answer->status, 200) << answer->body;
      EXPECT_FALSE(nlohmann::json::parse(answer->body)["errors"].get<bool>()) << answer->body;
    }
    EXPECT_EQ(hub.Post("/api/v1/samples/flush", nlohmann::json::object()), 200);
  }
  static bool IsType(const nlohmann::json& event, const char* type) { return event.value("type", "") == type; }

  std::optional<TemporaryFolder> folder_;
};

TEST_F(HubTest, LearnsFromWhatIsFedAndReleasesAVersion) {
  HubProcess hub(folder_->path());
  std::vector<std::string> flags = HubProcess::SmallFlags();
  flags.insert(flags.end(), {"--shadow", "naive", "--dump-evaluations", folder_->path() + "/dump"});
  const Status started = hub.Start(flags);
  ASSERT_TRUE(started.ok()) << started.ToString();
  EXPECT_TRUE(hub.ready()["announce"].get<std::string>().starts_with("tcp://127.0.0.1:"));
  EXPECT_EQ(hub.Get("/api/v1/status")["rollout"]["stable"], 0);

  const auto samples = SimulatedSamples(1, 400, 60);
  ASSERT_EQ(samples.size(), 460u);
  Feed(hub, samples);
  bool shadow_evaluated = false, evaluated = false, promoted = false;
  const auto events = hub.Follow([&](const nlohmann::json& event) {
    shadow_evaluated |= IsType(event, "evaluation") && event.value("trainer", "") == "naive";
    evaluated |= IsType(event, "evaluation") && event.value("trainer", "") == "main" && event.value("version", 0) == 1;
    promoted |= IsType(event, "promoted");
    return shadow_evaluated && evaluated && promoted;
  });
  ASSERT_TRUE(promoted && evaluated && shadow_evaluated) << nlohmann::json(events).dump();

  // The first version is stable at once.
  nlohmann::json status = hub.Get("/api/v1/status");
  EXPECT_EQ(status["rollout"]["stable"], 1);
  EXPECT_EQ(status["log"]["accepted"], 460);
  EXPECT_GT(status["trainer"]["steps"], 0);
  EXPECT_TRUE(status["shadow"].contains("naive"));
  nlohmann::json version = hub.Get("/api/v1/versions/1");
  EXPECT_EQ(version["fate"], "stable");
  EXPECT_GT(version["snapshot_bytes"], 0);
  EXPECT_FALSE(version["report"]["slices"].empty());
  nlohmann::json evaluations = hub.Get("/api/v1/evaluations")["trainers"];
  EXPECT_EQ(evaluations["main"][0]["version"], 1);
  EXPECT_EQ(evaluations["main"][0]["slices"][0]["slice"], "base");

  const auto stopped = hub.Stop();
  ASSERT_TRUE(stopped.ok()) << stopped.status().ToString();
  EXPECT_TRUE(WIFEXITED(*stopped) && WEXITSTATUS(*stopped) == 0) << *stopped;
  const auto dump = Env::Posix().ReadFile(folder_->path() + "/dump/evaluations-main.ndjson", 1u << 24);
  ASSERT_TRUE(dump.ok());
  const nlohmann::json line = nlohmann::json::parse(dump->substr(0, dump->find('\n')));
  EXPECT_TRUE(line.contains("predicted") && line.contains("true"));
}

TEST_F(HubTest, ARestartGoesOnWhereItStopped) {
  HubProcess hub(folder_->path());
  ASSERT_TRUE(hub.Start(HubProcess::SmallFlags()).ok());
  Feed(hub, SimulatedSamples(1, 300, 40));
  const auto before_events = hub.Follow([](const nlohmann::json& event) { return IsType(event, "promoted"); });
  ASSERT_TRUE(IsType(before_events.back(), "promoted")) << nlohmann::json(before_events).dump();
  nlohmann::json before = hub.Get("/api/v1/status");
  const size_t evaluated = hub.Get("/api/v1/evaluations")["trainers"]["main"].size();
  ASSERT_TRUE(hub.Stop().ok());

  ASSERT_TRUE(hub.Start(HubProcess::SmallFlags()).ok());
  nlohmann::json after = hub.Get("/api/v1/status");
  EXPECT_GT(after["rollout"]["epoch"], before["rollout"]["epoch"]);
  EXPECT_EQ(after["rollout"]["stable"], before["rollout"]["stable"]);
  EXPECT_EQ(after["log"], before["log"]);
  EXPECT_GE(after["trainer"]["steps"], before["trainer"]["steps"]);
  EXPECT_GE(after["trainer"]["samples_trained"], before["trainer"]["samples_trained"]);
  EXPECT_GE(hub.Get("/api/v1/evaluations")["trainers"]["main"].size(), evaluated);
  // It learns on: another candidate comes from new samples.
  Feed(hub, SimulatedSamples(2, 300, 40));
  const auto events = hub.Follow([](const nlohmann::json& event) { return IsType(event, "evaluation"); });
  EXPECT_TRUE(IsType(events.back(), "evaluation")) << nlohmann::json(events).dump();
  EXPECT_TRUE(hub.Stop().ok());
}

TEST_F(HubTest, ForgetsASourceAndSaysWhichVersionsLearnedFromIt) {
  HubProcess hub(folder_->path());
  std::vector<std::string> flags = HubProcess::SmallFlags();
  flags.insert(flags.end(), {"--shadow", "naive,er"});
  ASSERT_TRUE(hub.Start(flags).ok());
  std::vector<format::Sample> samples = SimulatedSamples(1, 200, 40);
  std::vector<format::Sample> bad = SimulatedSamples(2, 60, 10);
  for (format::Sample& sample : bad) sample.source = "bad";
  samples.insert(samples.begin() + 100, bad.begin(), bad.end());
  Feed(hub, samples);
  const auto evaluated = [](const nlohmann::json& event, const char* trainer) {
    return IsType(event, "evaluation") && event.value("trainer", "") == trainer;
  };
  hub.Follow([&](const nlohmann::json& event) { return evaluated(event, "main"); });

  ASSERT_EQ(hub.Post("/api/v1/sources/bad/forget", nlohmann::json::object()), 200);
  // Each trainer offers (or looks at) another candidate once it has let go, which is after it has told the log.
  std::map<std::string, int> evaluations = {{"main", 0}, {"naive", 0}, {"er", 0}};
  hub.Follow([&](const nlohmann::json& event) {
    for (auto& [name, count] : evaluations) count += evaluated(event, name.c_str()) ? 1 : 0;
    return std::all_of(evaluations.begin(), evaluations.end(), [](const auto& one) { return one.second >= 2; });
  });
  const nlohmann::json report = hub.Get("/api/v1/sources/bad/forgotten");
  EXPECT_EQ(report["source"]["forgotten"], bad.size()) << report.dump();
  EXPECT_EQ(report["source"]["erasing"], false) << report.dump();
  ASSERT_FALSE(report["versions"].empty()) << report.dump();
  EXPECT_EQ(report["versions"][0]["version"], 1);
  EXPECT_GT(report["versions"][0]["network_samples"], 0);
  EXPECT_GT(report["versions"][0]["head_samples"], 0);
  EXPECT_EQ(hub.Get("/api/v1/sources")["sources"].size(), 2u);
  EXPECT_TRUE(hub.Stop().ok());
}

TEST_F(HubTest, OnlyAKnownTokenOpens) {
  const std::string token = "the-token-of-this-test";
  ASSERT_TRUE(Env::Posix().WriteFileAtomic(folder_->path() + "/tokens", token + "\n", 0600).ok());
  HubProcess hub(folder_->path());
  std::vector<std::string> flags = HubProcess::SmallFlags();
  std::erase(flags, "--open-loopback");
  flags.insert(flags.end(), {"--token-file", folder_->path() + "/tokens"});
  ASSERT_TRUE(hub.Start(flags).ok());
  EXPECT_EQ(hub.client().Get("/api/v1/status")->status, 401);
  EXPECT_EQ(hub.ClientWithToken("the-token-of-another")->Get("/api/v1/status")->status, 401);
  EXPECT_EQ(hub.ClientWithToken(token)->Get("/api/v1/status")->status, 200);
  EXPECT_EQ(hub.client().Get("/healthz")->status, 200);
}

TEST_F(HubTest, PauseStopsLearningButNotIngest) {
  HubProcess hub(folder_->path());
  ASSERT_TRUE(hub.Start(HubProcess::SmallFlags()).ok());
  EXPECT_EQ(hub.Post("/api/v1/trainer/publish", nlohmann::json::object()), 412) << "nothing was learned yet";
  EXPECT_EQ(hub.Post("/api/v1/trainer/pause", nlohmann::json::object()), 200);
  Feed(hub, SimulatedSamples(1, 40, 10));
  nlohmann::json paused = hub.Get("/api/v1/status");
  EXPECT_EQ(paused["trainer"]["state"], "paused");
  EXPECT_EQ(paused["trainer"]["samples_trained"], 0);
  EXPECT_EQ(paused["trainer"]["backlog"], 51);
  EXPECT_EQ(hub.Post("/api/v1/trainer/resume", nlohmann::json::object()), 200);
  const auto events = hub.Follow([](const nlohmann::json& event) { return IsType(event, "evaluation"); });
  EXPECT_TRUE(IsType(events.back(), "evaluation")) << nlohmann::json(events).dump();
  EXPECT_EQ(hub.Post("/api/v1/trainer/checkpoint", nlohmann::json::object()), 200);
}

TEST_F(HubTest, WhatCantWorkIsRefusedWithAReason) {
  const auto fails = [&](const std::vector<std::string>& flags) {
    HubProcess hub(folder_->path());
    const Status started = hub.Start(flags);
    EXPECT_FALSE(started.ok());
    return started.ToString();
  };
  std::vector<std::string> unknown = HubProcess::SmallFlags();
  unknown.push_back("--no-such-flag");
  fails(unknown);
  std::vector<std::string> closed = HubProcess::SmallFlags();
  std::erase(closed, "--open-loopback");
  EXPECT_NE(fails(closed).find("--token-file"), std::string::npos);

  HubProcess first(folder_->path());
  ASSERT_TRUE(first.Start(HubProcess::SmallFlags()).ok());
  EXPECT_NE(fails(HubProcess::SmallFlags()).find("--data"), std::string::npos) << "the store is in use";
}

TEST_F(HubTest, ABusyPortIsSaid) {
  HubProcess first(folder_->path());
  ASSERT_TRUE(first.Start(HubProcess::SmallFlags()).ok());
  HubProcess second(folder_->path() + "/second");
  ASSERT_TRUE(Env::Posix().CreateDirectories(folder_->path() + "/second").ok());
  std::vector<std::string> flags = HubProcess::SmallFlags();
  flags.insert(flags.end(), {"--http", first.ready()["http"].get<std::string>()});
  EXPECT_FALSE(second.Start(flags).ok());
}

}  // namespace
}  // namespace perennial::hub
