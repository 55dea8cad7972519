#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "serving/http/client.h"
#include "tests/http/raw_peer.h"

namespace perennial::http {
namespace {

// A server with GET /events: counts without end, one event a call.
std::unique_ptr<Server> StartStreaming(ServerOptions options, std::atomic<int>& open) {
  auto server = Server::Make(std::move(options));
  (*server)->Route("GET", "/hello", [](const Request&, Response& response) { response.body = "hi"; });
  (*server)->Route("GET", "/events", [&open](const Request&, Response& response) {
    struct Guard {
      std::atomic<int>& open;
      explicit Guard(std::atomic<int>& o) : open(o) { ++open; }
      ~Guard() { --open; }
    };
    response.content_type = "text/event-stream";
    response.stream = [guard = std::make_shared<Guard>(open),
                       i = 0](const std::function<bool(std::string_view)>& write) mutable {
      return write("id: " + std::to_string(i++) + "\n\n");
    };
  });
  EXPECT_TRUE((*server)->Listen().ok());
  return std::move(*server);
}

TEST(Stream, ReachesTheClientUntilItHasEnough) {
  std::atomic<int> open{0};
  const auto server = StartStreaming({}, open);
  auto client = Client::Make({"http://" + server->address(), "", std::chrono::seconds(10)});
  ASSERT_TRUE(client.ok());
  std::string text;
  const Status status = (*client)->Stream("/events", [&](std::string_view data) {
    text += data;
    return text.size() < 200;
  });
  EXPECT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(text.substr(0, 14), "id: 0\n\nid: 1\n\n");
}

TEST(Stream, CapIsEnforcedAndRequestThreadsStayFree) {
  std::atomic<int> open{0};
  ServerOptions options;
  options.threads = 1;
  options.max_streams = 2;
  const auto server = StartStreaming(options, open);
  RawPeer first(server->port()), second(server->port()), third(server->port()), plain(server->port());
  first.Send("GET /events HTTP/1.1\r\n\r\n");
  EXPECT_NE(first.ReadUntil("id: 0").find("Transfer-Encoding: chunked"), std::string::npos);
  second.Send("GET /events HTTP/1.1\r\n\r\n");
  second.ReadUntil("id: 0");
  third.Send("GET /events HTTP/1.1\r\n\r\n");
  const auto refused = third.ReadResponse();
  EXPECT_EQ(StatusOf(refused), 503);
  EXPECT_NE(refused.find("Retry-After"), std::string::npos);
  plain.Send("GET /hello HTTP/1.1\r\n\r\n");
  EXPECT_EQ(StatusOf(plain.ReadResponse()), 200);
}

TEST(Stream, EndsWhenThePeerGoesAndFreesItsPlace) {
  std::atomic<int> open{0};
  ServerOptions options;
  options.max_streams = 1;
  const auto server = StartStreaming(options, open);
  for (int round = 0; round < 5; ++round) {
    {
      RawPeer peer(server->port());
      peer.Send("GET /events HTTP/1.1\r\n\r\n");
      ASSERT_NE(peer.ReadUntil("id: 3").find("200 OK"), std::string::npos) << round;
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (open > 0 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    ASSERT_EQ(open, 0);
    // The thread says that it is done a moment after it lets go of the producer.
    RawPeer again(server->port());
    again.Send("GET /hello HTTP/1.1\r\n\r\n");
    ASSERT_EQ(StatusOf(again.ReadResponse()), 200);
  }
}

TEST(Stream, ServerEndsWithOpenStreams) {
  std::atomic<int> open{0};
  auto server = StartStreaming({}, open);
  RawPeer peer(server->port());
  peer.Send("GET /events HTTP/1.1\r\n\r\n");
  peer.ReadUntil("id: 1");
  std::thread reader([&] { (void)peer.ReadAll(); });
  server.reset();
  reader.join();
  EXPECT_EQ(open, 0);
}

}  // namespace
}  // namespace perennial::http
