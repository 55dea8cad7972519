#include <gtest/gtest.h>

#include <filesystem>

#include "api/cli/commands.h"
#include "storage/base/env.h"
#include "tests/cli/fake_hub.h"

namespace perennial::cli {
namespace {

struct World {
  FakeHub hub;
  Surroundings around;
  Context& Start() {
    hub.Listen();
    around.context.hub = hub.url();
    return around.context;
  }
};

TEST(NodesCommand, ShowsANodeInAlignedColumns) {
  World world;
  world.hub.Route(
      "GET", "/api/v1/nodes",
      R"({"nodes":[{"name":"n1","state":"serving","connected":true,"stable":3,"candidate":4,"last_seen_us":1700000000000000,
                  "swaps":7,"bytes_downloaded":2500000,"last_error":"","http_address":"127.0.0.1:5","arms":[]}]})");
  Context& context = world.Start();
  EXPECT_EQ(RunNodes(context), kExitOk);
  EXPECT_EQ(world.around.out.str(),
            "node  state    connected  stable  candidate  swaps  downloaded    seen  address      last error\n"
            "n1    serving  yes             3          4      7      2.5 MB  0s ago  127.0.0.1:5\n");
}

TEST(VersionsCommand, ListsAndShowsOne) {
  World world;
  const std::string version =
      R"({"version":2,"parent":1,"fate":"stable","reason":"gate passed","created_us":1700000000000000,"trained_until":640,
      "snapshot_bytes":200000,"delta_bytes":40000,"fp32_bytes":800000,"objects":[{"kind":"snapshot","base":0,"bytes":200000,"chunks":1}])";
  world.hub.Route("GET", "/api/v1/versions", R"({"versions":[)" + version + R"(}],"next_before":null})");
  world.hub.Route("GET", "/api/v1/versions/{id}",
                  version + R"(,"report":{"slices":[{"slice":"a","samples":5,"accuracy":0.5}]}})");
  Context& context = world.Start();
  EXPECT_EQ(RunVersions(context, std::nullopt, 20), kExitOk);
  EXPECT_NE(world.around.out.str().find("5.0 %"), std::string::npos) << world.around.out.str();
  EXPECT_NE(world.around.out.str().find("2023-11-14T22:13:20Z"), std::string::npos);
  world.around.out.str("");
  EXPECT_EQ(RunVersions(context, 2, 20), kExitOk);
  EXPECT_NE(world.around.out.str().find("0.500"), std::string::npos) << world.around.out.str();
}

TEST(VersionsCommand, ListsWhatAVersionFlipped) {
  World world;
  world.hub.Route("GET", "/api/v1/versions/{id}/flips",
                  R"({"version":2,"known":true,"compared":400,"lost":2,"won":5,"negative_flip_rate":0.005,
      "flips":[{"offset":17,"id":"img-17","slice":"base","true":"scratch","old_answer":"scratch","new_answer":"good"}]})");
  Context& context = world.Start();
  EXPECT_EQ(RunFlips(context, 2), kExitOk);
  EXPECT_EQ(world.around.out.str(),
            "Of 400 held-out samples, version 2 gets 2 wrong that its predecessor had right (0.50 %), and 5 right that "
            "it had wrong.\n"
            "offset  id      slice  true     was      is\n"
            "    17  img-17  base   scratch  scratch  good\n"
            "The first 1 are listed.\n");
}

TEST(ReadingCommands, AnOlderHubWithoutSomeFieldsGivesBlanks) {
  World world;
  world.hub.Route("GET", "/api/v1/evaluations", R"({"trainers":{"main":[{"steps":5},{}],"naive":[]}})");
  Context& context = world.Start();
  EXPECT_EQ(RunStatus(context), kExitOk);
  EXPECT_EQ(RunEvaluations(context, 20), kExitOk);
  EXPECT_NE(world.around.out.str().find("main"), std::string::npos);
}

TEST(ReadingCommands, CompareShowsBothSidesAndWhatIsNotKnownYet) {
  World world;
  world.hub.Route("GET", "/api/v1/comparison", R"({"main":{"compute_s":40,"backlog":0},"shadows":[
      {"shadow":"er","compute_s":10,"backlog":7,"trained_until":300,"main_version":2,"main_trained_until":200,
       "shadow_figures":{"average_accuracy":0.75,"forgetting":0.2,"worst_slice_accuracy":0.5},
       "main_figures":{"average_accuracy":0.9,"forgetting":0.01,"worst_slice_accuracy":0.875},"gain":0.15},
      {"shadow":"retrain","compute_s":0,"backlog":300}]})");
  EXPECT_EQ(RunCompare(world.Start()), kExitOk);
  const std::string out = world.around.out.str();
  EXPECT_NE(out.find("0.900 / 0.750"), std::string::npos) << out;
  EXPECT_NE(out.find("0.875 / 0.500"), std::string::npos) << out;
  EXPECT_NE(out.find("0.150"), std::string::npos) << out;
  EXPECT_NE(out.find("retrain"), std::string::npos) << out;
}

TEST(ReadingCommands, CompareWithoutShadowsSaysHowToHaveSome) {
  World world;
  world.hub.Route("GET", "/api/v1/comparison", R"({"main":{"compute_s":40,"backlog":0},"shadows":[]})");
  EXPECT_EQ(RunCompare(world.Start()), kExitOk);
  EXPECT_NE(world.around.out.str().find("--shadow naive,er,retrain"), std::string::npos);
}

TEST(ReadingCommands, JsonIsTheHubsAnswerUnchanged) {
  World world;
  Context& context = world.Start();
  context.json = true;
  EXPECT_EQ(RunStatus(context), kExitOk);
  EXPECT_EQ(world.around.out.str(), "{\"software\":\"x\"}\n");
}

TEST(ReadingCommands, ProblemsGoToStandardErrorWithTheirHint) {
  World world;
  world.hub.RouteProblem("GET", "/api/v1/versions/{id}", 404, NotFound("no version 9", "list them"));
  Context& context = world.Start();
  EXPECT_EQ(RunVersions(context, 9, 20), kExitFailed);
  EXPECT_EQ(world.around.err.str(), "perennial: no version 9\n  list them\n");
  EXPECT_EQ(world.around.out.str(), "");
  context.json = true;
  world.around.err.str("");
  EXPECT_EQ(RunVersions(context, 9, 20), kExitFailed);
  EXPECT_EQ(nlohmann::json::parse(world.around.err.str())["error"]["code"], "not_found");
}

TEST(RolloutCommands, SendWhatTheApiAsksFor) {
  World world;
  const std::string state = R"({"epoch":1,"revision":2,"stable":3,"candidate":4,"weight_permille":50,"paused":false})";
  for (const char* path : {"promote", "abort", "pause", "weight"})
    world.hub.Route("POST", std::string("/api/v1/rollout/") + path, state);
  world.hub.Route("POST", "/api/v1/rollback", R"({"version":5,"content_of":2,"rollout":)" + state + "}");
  world.hub.Route("POST", "/api/v1/trainer/pause", "{}");
  Context& context = world.Start();
  EXPECT_EQ(RunPromote(context, "good"), kExitOk);
  EXPECT_EQ(RunAbort(context, "bad"), kExitOk);
  EXPECT_EQ(RunRolloutPause(context, true), kExitOk);
  EXPECT_EQ(RunRolloutWeight(context, 100), kExitOk);
  EXPECT_EQ(RunRolloutWeight(context, 1001), kExitUsage);
  EXPECT_EQ(RunRollback(context, 2, "old was better"), kExitOk);
  EXPECT_EQ(RunTrainer(context, "pause"), kExitOk);
  EXPECT_EQ(world.hub.requests(),
            (std::vector<std::string>{
                "POST /api/v1/rollout/promote {\"why\":\"good\"}", "POST /api/v1/rollout/abort {\"why\":\"bad\"}",
                "POST /api/v1/rollout/pause {\"paused\":true}", "POST /api/v1/rollout/weight {\"permille\":100}",
                "POST /api/v1/rollback {\"to\":2,\"why\":\"old was better\"}", "POST /api/v1/trainer/pause {}"}));
  EXPECT_NE(world.around.out.str().find("released version 5"), std::string::npos);
}

TEST(RolloutCommands, ADeclinedRollbackDoesNothing) {
  World world;
  Context& context = world.Start();
  world.around.answer = false;
  EXPECT_EQ(RunRollback(context, 2, "no"), kExitInterrupted);
  EXPECT_EQ(world.around.asked.size(), 1u);
}

TEST(QuarantineCommands, ListAndDrop) {
  World world;
  world.hub.Route(
      "GET", "/api/v1/quarantine",
      R"({"entries":[{"id":7,"time_us":0,"code":"invalid_argument","message":"text: not valid UTF-8","hint":"h","pointer":"line 3",
                  "sample":{"source":"s","id":"i"}}],"next_after":null})");
  world.hub.Route("DELETE", "/api/v1/quarantine/{id}", "");
  Context& context = world.Start();
  EXPECT_EQ(RunQuarantineList(context, 0, 20), kExitOk);
  EXPECT_NE(world.around.out.str().find("text: not valid UTF-8"), std::string::npos);
  EXPECT_EQ(RunQuarantineDrop(context, {1, 2}, false), kExitOk);
  EXPECT_EQ(RunQuarantineDrop(context, {}, true), kExitOk);
  EXPECT_EQ(RunQuarantineDrop(context, {}, false), kExitUsage);
  const auto requests = world.hub.requests();
  EXPECT_EQ(requests.back(), "DELETE /api/v1/quarantine/7 ");
  EXPECT_EQ(world.around.asked.size(), 1u);
}

TEST(LabelCommands, SendIdsAndLabels) {
  World world;
  world.hub.Route("POST", "/api/v1/feedback", "{}");
  world.hub.Route("POST", "/api/v1/samples/label", "{\"offset\":3}");
  Context& context = world.Start();
  EXPECT_EQ(RunFeedback(context, "r1", "yes"), kExitOk);
  EXPECT_EQ(RunLabel(context, "s", "i", "no"), kExitOk);
  EXPECT_EQ(world.hub.requests(),
            (std::vector<std::string>{R"(POST /api/v1/feedback {"label":"yes","request_id":"r1"})",
                                      R"(POST /api/v1/samples/label {"id":"i","label":"no","source":"s"})"}));
}

TEST(KeysCommands, InitAddAndRevoke) {
  Surroundings around;
  const auto folder = TemporaryFolder::Make("keys");
  const std::string keys = folder->path() + "/keys";
  EXPECT_EQ(RunKeysInit(around.context, keys), kExitOk) << around.err.str();
  EXPECT_EQ(RunKeysInit(around.context, keys), kExitFailed);
  EXPECT_EQ(RunKeysAddNode(around.context, keys, "n1", folder->path() + "/n1"), kExitOk) << around.err.str();
  EXPECT_EQ(RunKeysAddNode(around.context, keys, "N 1!", folder->path() + "/x"), kExitFailed);
  EXPECT_EQ(RunKeysRevoke(around.context, keys, "n1"), kExitOk);
  EXPECT_EQ(RunKeysRevoke(around.context, keys, "n1"), kExitFailed);
}

TEST(GenerateCommand, WritesADataSetThatFeedReads) {
  World world;
  Context& context = world.Start();
  const auto folder = TemporaryFolder::Make("generate");
  GenerateOptions generate;
  generate.path = folder->path() + "/set";
  generate.layout = "tar";
  generate.simulator.train_per_slice = 6;
  generate.simulator.test_per_slice = 2;
  generate.simulator.schedule = {"base", "new-question"};
  context.json = true;
  EXPECT_EQ(RunGenerate(context, generate), kExitOk) << world.around.err.str();
  EXPECT_EQ(nlohmann::json::parse(world.around.out.str())["train"], 12);
  generate.layout = "zip";
  EXPECT_EQ(RunGenerate(context, generate), kExitUsage);
  FeedOptions feed;
  feed.path = generate.path;
  feed.state_folder = folder->path() + "/state";
  EXPECT_EQ(RunFeed(context, feed), kExitOk) << world.around.err.str();
  EXPECT_EQ(world.hub.batches(), std::vector<size_t>{16});
}

TEST(DoctorCommand, FindsAFolderThatCannotBeWritten) {
  Surroundings around;
  const auto folder = TemporaryFolder::Make("doctor");
  DoctorOptions options;
  options.data = folder->path();
  options.ports = {};
  around.context.json = true;
  RunDoctor(around.context, options);  // memory and disk are what they are here
  auto json = nlohmann::json::parse(around.out.str());
  EXPECT_EQ(json["checks"][0]["check"], "folder");
  EXPECT_EQ(json["checks"][0]["state"], "ok");
  around.out.str("");
  options.data = folder->path() + "/none";
  EXPECT_EQ(RunDoctor(around.context, options), kExitFailed);
  json = nlohmann::json::parse(around.out.str());
  EXPECT_EQ(json["ok"], false);
  EXPECT_EQ(json["checks"][0]["state"], "bad");
  options.ports = {70000};
  EXPECT_EQ(RunDoctor(around.context, options), kExitUsage);
}

constexpr char kForgotten[] =
    R"({"source":{"source":"line 3","samples":9,"trainable":0,"held_out":0,"waiting_for_label":0,"forgotten":9,"forgotten_at":70,
      "erasing":true,"blocked":true},"waiting_for":["main"],"versions":[{"version":4,"fate":"stable","head_only":false,
      "trained_until":60,"network_samples":7,"head_samples":7,"first_offset":3,"last_offset":50,"live":true,"nodes":["n1","n2"]}],
      "networks_hold":"It stays.","next":["Wait.","Publish."]})";

TEST(SourceCommands, ListShowsCountsAndState) {
  World world;
  world.hub.Route(
      "GET", "/api/v1/sources",
      R"({"sources":[{"source":"line 3","samples":9,"trainable":5,"held_out":1,"waiting_for_label":1,"forgotten":2,
      "forgotten_at":70,"erasing":false,"blocked":false}],"next_after":"line 3"})");
  Context& context = world.Start();
  EXPECT_EQ(RunSourceList(context, "a b", 1), kExitOk);
  EXPECT_EQ(world.around.out.str(),
            "source  samples  to train  held out  waiting  forgotten  state\n"
            "line 3        9         5         1        1          2  forgotten\n");
  EXPECT_EQ(world.around.err.str(), "more: perennial source list --after 'line 3'\n");
}

TEST(SourceCommands, ForgetAsksAndTellsWhatIsLeft) {
  World world;
  world.hub.Route("POST", "/api/v1/sources/{source}/forget", kForgotten);
  world.hub.Route("GET", "/api/v1/sources/{source}/forgotten", kForgotten);
  world.hub.Route("POST", "/api/v1/sources/{source}/unblock", "{}");
  Context& context = world.Start();
  world.around.answer = false;
  EXPECT_EQ(RunSourceForget(context, "line 3", true), kExitInterrupted);
  EXPECT_TRUE(world.hub.requests().empty());
  world.around.answer = true;
  EXPECT_EQ(RunSourceForget(context, "line 3", true), kExitOk);
  EXPECT_EQ(
      world.around.out.str(),
      "9 samples of 'line 3' are forgotten (log entry 70), and wait to be erased from the disk; waiting for: main\n"
      "version  fate    live  in network  in head  first  last  nodes\n"
      "      4  stable  yes            7        7      3    50  n1 n2\n"
      "It stays.\n"
      "- Wait.\n"
      "- Publish.\n");
  EXPECT_EQ(RunSourceShow(context, "line 3"), kExitOk);
  EXPECT_EQ(RunSourceUnblock(context, "line 3"), kExitOk);
  EXPECT_EQ(world.hub.requests(), (std::vector<std::string>{"POST /api/v1/sources/line 3/forget {\"block\":true}",
                                                            "GET /api/v1/sources/line 3/forgotten ",
                                                            "POST /api/v1/sources/line 3/unblock {}"}));
}

TEST(SourceCommands, ANameIsOneSegmentWhateverIsInIt) {
  World world;
  world.hub.Route("POST", "/api/v1/sources/{source}/unblock", "{}");
  Context& context = world.Start();
  EXPECT_EQ(RunSourceUnblock(context, "a/b?c%20&\xc3\xa9"), kExitOk);
  EXPECT_EQ(world.hub.requests(), (std::vector<std::string>{"POST /api/v1/sources/a/b?c%20&\xc3\xa9/unblock {}"}));
}

}  // namespace
}  // namespace perennial::cli
