#include "api/node_watch.h"
#include "tests/api/fixture.h"

namespace perennial::api {
namespace {

using NodesTest = ApiTest;

updater::NodeStatus Node(const std::string& name, bool connected) {
  updater::NodeStatus node;
  node.name = name;
  node.state = "IDLE";
  node.connected = connected;
  node.http_address = "127.0.0.1:9000";
  return node;
}

TEST_F(NodesTest, ListsNodesWithTheirArms) {
  updater::NodeStatus node = Node("edge-1", true);
  updater::ArmCounts arm;
  arm.version = VersionId{3};
  arm.requests = 10;
  arm.errors = 2;
  arm.confidence_sum = 4;
  arm.latency_ms_sum = 20;
  node.arms.push_back(arm);
  node.last_error = "peer said \xff";
  updates_.SetNodes({node, Node("edge-2", false)});
  const Answer answer = Get("/api/v1/nodes");
  ASSERT_EQ(answer.body["nodes"].size(), 2u);
  EXPECT_EQ(answer.body["nodes"][0]["name"], "edge-1");
  EXPECT_EQ(answer.body["nodes"][0]["arms"][0]["mean_confidence"], 0.5);
  EXPECT_EQ(answer.body["nodes"][0]["arms"][0]["mean_latency_ms"], 2.0);
  EXPECT_EQ(Get("/api/v1/status").body["nodes"], 1) << "connected ones";
}

TEST_F(NodesTest, FeedbackGoesToTheNodeThatAnswered) {
  EXPECT_EQ(Post("/api/v1/feedback", {{"request_id", "edge-1:17"}, {"label", "scratch"}}).status, 200);
  ASSERT_EQ(updates_.feedback().size(), 1u);
  EXPECT_EQ(updates_.feedback()[0], (std::pair<std::string, std::string>("edge-1:17", "scratch")));
}

TEST_F(NodesTest, FeedbackThatCantBeDeliveredSaysWhy) {
  updates_.SetFeedbackStatus(NotFound("node edge-9 is not connected"));
  EXPECT_EQ(Post("/api/v1/feedback", {{"request_id", "edge-9:1"}, {"label", "x"}}).status, 404);
  updates_.SetFeedbackStatus(DeadlineExceeded("no confirmation within 2 s"));
  EXPECT_EQ(Post("/api/v1/feedback", {{"request_id", "edge-1:1"}, {"label", "x"}}).status, 504);
  EXPECT_EQ(Post("/api/v1/feedback", {{"request_id", "17"}, {"label", "x"}}).status, 400) << "names no node";
  EXPECT_EQ(Post("/api/v1/feedback", {{"request_id", "a:1"}, {"label", std::string(257, 'x')}}).status, 400);
  EXPECT_EQ(Post("/api/v1/feedback", {{"request_id", "a:1"}}).status, 400);
}

TEST(NodeChanges, TellsWhoCameAndWentOnce) {
  const ManualClock clock;
  EventHub events(100, 1, clock);
  NodeChanges changes(events);
  changes.Observe({Node("a", true), Node("b", false)});
  changes.Observe({Node("a", true), Node("b", true)});
  changes.Observe({Node("a", false), Node("b", true)});
  changes.Observe({Node("a", false)});
  std::vector<std::string> story;
  for (const Event& event : events.After(0, 100, SteadyTime::min()).events) {
    story.push_back(event.type + " " + nlohmann::json::parse(event.data)["node"].get<std::string>());
  }
  EXPECT_EQ(story, (std::vector<std::string>{"node_joined a", "node_joined b", "node_lost a", "node_lost b"}));
}

TEST(NodeWatch, ObservesOnItsThreadAndStopsAtOnce) {
  const SystemClock clock;
  EventHub events(100, 1, clock);
  FakeUpdateServer server;
  server.SetNodes({Node("a", true)});
  NodeWatch watch(server, events);
  const auto page = events.After(0, 1, clock.In(std::chrono::seconds(10)));
  ASSERT_EQ(page.events.size(), 1u);
  EXPECT_EQ(page.events[0].type, "node_joined");
}

}  // namespace
}  // namespace perennial::api
