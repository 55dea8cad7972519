#include "storage/base/thread.h"
#include "tests/api/fixture.h"

namespace perennial::api {
namespace {

TEST(EventHub, IdsIncreaseFromTheFirst) {
  const ManualClock clock;
  EventHub hub(10, 1000, clock);
  EXPECT_EQ(hub.LastId(), 999u);
  EXPECT_EQ(hub.Publish("a", {}), 1000u);
  EXPECT_EQ(hub.Publish("b", {{"x", uint64_t{1}}}), 1001u);
  const EventHub::Page page = hub.After(1000, 10, SteadyTime::min());
  ASSERT_EQ(page.events.size(), 1u);
  EXPECT_EQ(page.events[0].data, R"({"type":"b","time_us":1700000000000000,"x":1})");
}

TEST(EventHub, KeepsTheNewestAndSaysWhatWasMissed) {
  const ManualClock clock;
  EventHub hub(3, 1, clock);
  for (int i = 0; i < 5; ++i) hub.Publish("e", {});
  EventHub::Page page = hub.After(1, 10, SteadyTime::min());
  EXPECT_TRUE(page.missed);
  ASSERT_EQ(page.events.size(), 3u);
  EXPECT_EQ(page.events[0].id, 3u);
  EXPECT_FALSE(hub.After(2, 10, SteadyTime::min()).missed);
  EXPECT_FALSE(hub.After(0, 10, SteadyTime::min()).missed) << "0 asks for what there is";
}

TEST(EventHub, PagesAreBoundedAndGoOnAtTheCursor) {
  const ManualClock clock;
  EventHub hub(100, 1, clock);
  for (int i = 0; i < 5; ++i) hub.Publish("e", {});
  const EventHub::Page first = hub.After(0, 2, SteadyTime::min());
  EXPECT_EQ(first.cursor, 2u);
  EXPECT_EQ(hub.After(first.cursor, 2, SteadyTime::min()).events.front().id, 3u);
}

TEST(EventHub, ACursorFromTheFutureStartsAtTheEnd) {
  const ManualClock clock;
  EventHub hub(100, 1, clock);
  hub.Publish("e", {});
  EXPECT_EQ(hub.After(999, 10, SteadyTime::min()).cursor, 1u);
}

TEST(EventHub, BytesThatAreNoTextDoNotBreakTheData) {
  const ManualClock clock;
  EventHub hub(100, 1, clock);
  hub.Publish("e", {{"reason", "peer said \xff"}});
  EXPECT_TRUE(nlohmann::json::accept(hub.After(0, 1, SteadyTime::min()).events[0].data));
}

TEST(EventHub, CloseWakesAWaitingFollower) {
  const SystemClock clock;
  EventHub hub(100, 1, clock);
  Thread closer("closer", [&] { hub.Close(); });
  EXPECT_TRUE(hub.After(0, 1, clock.In(std::chrono::seconds(30))).closed);
}

class EventStreamTest : public ApiTest {
 protected:
  // Reads from the stream until it holds `until`.
  std::string Follow(const std::string& path, const std::string& until) {
    auto client = http::Client::Make({.base_url = "http://" + server_->address(), .token = {}});
    std::string text;
    const Status done = (*client)->Stream(path, [&](std::string_view data) {
      text += data;
      return text.find(until) == std::string::npos;
    });
    EXPECT_TRUE(done.ok()) << done.ToString();
    return text;
  }
  // The stream of a request, called by hand.
  std::string FirstEvent(const http::Request& request) {
    for (const Route& route : server_->routes().routes()) {
      if (route.pattern != "/api/v1/events") continue;
      http::Response response;
      route.handler(request, response);
      std::string text;
      if (!response.stream) return response.body;
      const auto write = [&](std::string_view data) {
        text += data;
        return true;
      };
      while (text.find("event:") == std::string::npos && response.stream(write)) {
      }
      return text;
    }
    return {};
  }
};

TEST_F(EventStreamTest, FollowsOverHttpFromACursor) {
  const uint64_t first = events_->Publish("promoted", {{"version", uint64_t{1}}});
  events_->Publish("rolled_back", {{"version", uint64_t{2}}});
  const std::string text = Follow("/api/v1/events?after=" + std::to_string(first), "rolled_back\",");
  EXPECT_EQ(text.find("event: promoted"), std::string::npos);
  EXPECT_NE(text.find("id: " + std::to_string(first + 1) + "\nevent: rolled_back\ndata: {"), std::string::npos);
}

TEST_F(EventStreamTest, LastEventIdGoesOnBehindIt) {
  events_->Publish("a", {});
  events_->Publish("b", {});
  http::Request request;
  request.headers.emplace("last-event-id", "1");
  EXPECT_NE(FirstEvent(request).find("id: 2\nevent: b\n"), std::string::npos);
}

TEST_F(EventStreamTest, ALastEventIdThatIsNoNumberIsRefused) {
  EXPECT_EQ(Get("/api/v1/events", {{"Last-Event-ID", "abc"}}).status, 400);
}

TEST_F(EventStreamTest, AGapIsTold) {
  for (int i = 0; i < 1010; ++i) events_->Publish("e", {});
  http::Request request;
  request.query["after"] = "3";
  EXPECT_NE(FirstEvent(request).find("event: missed\ndata: {\"type\":\"missed\",\"after\":3}"), std::string::npos);
}

TEST_F(EventStreamTest, AnIdleStreamGetsKeepAlives) {
  StartServer({.keep_alive_ms = 1}, {.token_file = {}, .open_loopback = true});
  EXPECT_NE(Follow("/api/v1/events", ": keep-alive").find(": connected"), std::string::npos);
}

TEST_F(EventStreamTest, DrainEndsTheStream) {
  auto client = http::Client::Make({.base_url = "http://" + server_->address(), .token = {}});
  std::string text;
  const Status done = (*client)->Stream("/api/v1/events", [&](std::string_view data) {
    text += data;
    server_->Drain();
    return true;
  });
  EXPECT_TRUE(done.ok()) << done.ToString();
}

}  // namespace
}  // namespace perennial::api
