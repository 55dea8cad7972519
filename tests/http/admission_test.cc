#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "serving/http/byte_budget.h"
#include "tests/http/raw_peer.h"

namespace perennial::http {
namespace {

std::string PostOf(size_t bytes, std::string_view headers = "") {
  return std::string("POST /echo HTTP/1.1\r\n").append(headers).append("Content-Length: ") + std::to_string(bytes) +
         "\r\n\r\n";
}

// A server that lets in who says "Authorization: yes".
std::unique_ptr<Server> StartGuardedServer() {
  auto server = Server::Make({});
  EXPECT_TRUE(server.ok());
  (*server)->Route("POST", "/echo", [](const Request& request, Response& response) { response.body = request.body; });
  (*server)->SetFilter([](const Request& request, Response& response) {
    EXPECT_EQ(request.body, "");
    if (request.Header("authorization") == "yes") return false;
    WriteProblem(response, 401, PermissionDenied("no token for " + request.method + " " + request.path));
    return true;
  });
  EXPECT_TRUE((*server)->Listen().ok());
  return std::move(*server);
}

TEST(Admission, ARefusedBodyIsAnsweredBeforeItIsSent) {
  const auto server = StartGuardedServer();
  for (const char* headers : {"Content-Length: 50000000\r\n", "Transfer-Encoding: chunked\r\n",
                              "Expect: 100-continue\r\nContent-Length: 9\r\n"}) {
    RawPeer peer(server->port());
    peer.Send(std::string("POST /echo HTTP/1.1\r\n") + headers + "\r\n");
    const std::string said = peer.ReadAll();
    EXPECT_EQ(StatusOf(said), 401) << headers;
    EXPECT_NE(said.find("Connection: close"), std::string::npos);
    EXPECT_NE(said.find("no token for POST /echo"), std::string::npos);
  }
}

TEST(Admission, NothingBehindARefusedBodyIsServed) {
  const auto server = StartGuardedServer();
  RawPeer peer(server->port());
  const std::string inner = PostOf(2, "Authorization: yes\r\n") + "hi";
  peer.Send(PostOf(inner.size()) + inner + inner);
  const std::string said = peer.ReadAll();
  EXPECT_EQ(StatusOf(said), 401);
  EXPECT_EQ(said.find("200 OK"), std::string::npos);
}

TEST(Admission, ARefusedRequestWithoutABodyKeepsItsConnection) {
  const auto server = StartGuardedServer();
  RawPeer peer(server->port());
  peer.Send(PostOf(0) + PostOf(2, "Authorization: yes\r\n") + "hi");
  EXPECT_EQ(StatusOf(peer.ReadResponse()), 401);
  EXPECT_EQ(StatusOf(peer.ReadResponse()), 200);
}

TEST(Admission, AFilterThatThrowsLetsNobodyIn) {
  auto server = Server::Make({});
  (*server)->Route("POST", "/echo", [](const Request&, Response&) {});
  (*server)->SetFilter([](const Request&, Response&) -> bool { throw std::runtime_error("secret detail"); });
  ASSERT_TRUE((*server)->Listen().ok());
  RawPeer peer((*server)->port());
  peer.Send(PostOf(1000));
  EXPECT_EQ(StatusOf(peer.ReadAll()), 500);
}

class BudgetTest : public testing::Test {
 protected:
  static constexpr size_t kBody = 100'000;
  void SetUp() override {
    ServerOptions options;
    options.max_body_bytes = kBody;
    options.max_buffered_bytes = kBody + kBody / 2;
    server_ = StartTestServer(options);
  }
  std::string Echo(std::string_view bytes) const {
    RawPeer peer(server_->port());
    peer.Send(bytes);
    return peer.ReadResponse();
  }
  std::string Whole() const { return PostOf(kBody) + std::string(kBody, 'x'); }
  // What the server does with bytes comes a little after they were sent; false when it never answers so.
  bool Eventually(int http_status) const {
    for (int i = 0; i < 10'000; ++i) {
      if (StatusOf(Echo(Whole())) == http_status) return true;
    }
    return false;
  }
  std::unique_ptr<Server> server_;
};

TEST_F(BudgetTest, BodiesOverTheGlobalBudgetGet503UntilThereIsRoomAgain) {
  RawPeer slow(server_->port());
  slow.Send(PostOf(kBody) + std::string(kBody - 1, 'x'));
  ASSERT_TRUE(Eventually(503));
  const std::string refused = Echo(Whole());
  EXPECT_NE(refused.find("Retry-After: 1"), std::string::npos) << refused;
  EXPECT_NE(refused.find("Connection: close"), std::string::npos);
  EXPECT_EQ(StatusOf(Echo(PostOf(kBody))), 503) << "without its body";
  EXPECT_EQ(StatusOf(Echo("GET /hello HTTP/1.1\r\n\r\n")), 200) << "what has no body needs no room";
  slow.Send("x");
  EXPECT_EQ(StatusOf(slow.ReadResponse()), 200);
  EXPECT_TRUE(Eventually(200));
}

TEST_F(BudgetTest, AnAnsweredRequestHoldsNothingWhileItsConnectionLingers) {
  RawPeer lingering(server_->port());
  lingering.Send(PostOf(kBody, "Connection: close\r\n") + std::string(kBody, 'x'));
  EXPECT_EQ(StatusOf(lingering.ReadResponse()), 200);
  bool served = false;
  for (int i = 0; i < 200 && !served; ++i) served = StatusOf(Echo(Whole())) == 200;
  EXPECT_TRUE(served) << "its peer has not closed yet, and its body still counts";
}

TEST_F(BudgetTest, BlankLinesBeforeARequestAreSkippedAtOnce) {
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes += "\r\n";
  EXPECT_EQ(StatusOf(Echo(bytes + "GET /hello HTTP/1.1\r\n\r\n")), 200);
}

TEST_F(BudgetTest, AChunkedBodyThatOutgrowsTheBudgetGets503) {
  RawPeer slow(server_->port());
  slow.Send(PostOf(kBody) + std::string(kBody - 1, 'x'));
  ASSERT_TRUE(Eventually(503));
  RawPeer chunked(server_->port());
  chunked.Send("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 9; ++i) chunked.Send("2710\r\n" + std::string(10'000, 'x') + "\r\n");
  EXPECT_EQ(StatusOf(chunked.ReadAll()), 503);
}

TEST_F(BudgetTest, EveryEndOfARequestGivesItsBytesBack) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(StatusOf(Echo("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2710\r\n" +
                            std::string(10'000, 'x') + "\r\nz\r\n")),
              400);
    RawPeer gone(server_->port());
    gone.Send(PostOf(kBody) + std::string(kBody / 2, 'x'));
  }
  EXPECT_TRUE(Eventually(200));
  RawPeer peer(server_->port());
  for (int i = 0; i < 20; ++i) {
    peer.Send(Whole());
    ASSERT_EQ(StatusOf(peer.ReadResponse()), 200) << i;
  }
}

TEST(Admission, RequestsSentFarAheadAreAllAnswered) {
  const auto server = StartTestServer();
  RawPeer peer(server->port());
  const std::string one = "GET /hello HTTP/1.1\r\nPadding: " + std::string(400, 'x') + "\r\n\r\n";
  constexpr int kAhead = 2000;
  std::thread sender([&] {
    for (int i = 0; i < kAhead; ++i) peer.Send(one);
  });
  for (int i = 0; i < kAhead; ++i) ASSERT_EQ(StatusOf(peer.ReadResponse()), 200) << i;
  sender.join();
}

TEST(Admission, TheBudgetHasRoomForOneBodyAlways) {
  ServerOptions options;
  options.max_body_bytes = 1000;
  options.max_buffered_bytes = 1;
  const auto server = StartTestServer(options);
  RawPeer peer(server->port());
  peer.Send(PostOf(1000) + std::string(1000, 'x'));
  EXPECT_EQ(StatusOf(peer.ReadResponse()), 200);
}

TEST(ByteBudget, NeverGivesMoreThanItHasUnderParallelTakers) {
  ByteBudget budget(1000);
  std::vector<std::thread> takers;
  std::atomic<uint64_t> out{0};
  std::atomic<bool> over{false};
  for (int t = 0; t < 4; ++t) {
    takers.emplace_back([&] {
      ByteLease lease(budget);
      for (uint64_t i = 0; i < 5000; ++i) {
        if (lease.Hold(i % 700)) {
          over = over || out.fetch_add(i % 700) + i % 700 > 1000;
          out.fetch_sub(i % 700);
        }
      }
    });
  }
  for (auto& taker : takers) taker.join();
  EXPECT_FALSE(over);
  EXPECT_EQ(budget.left(), 1000u);
}

}  // namespace
}  // namespace perennial::http
