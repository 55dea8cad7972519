#include <gtest/gtest.h>

#include "storage/base/rng.h"
#include "tests/http/raw_peer.h"

namespace perennial::http {
namespace {

// What the server says to `bytes`, and that it still answers others afterwards.
std::string Attack(Server& server, std::string_view bytes) {
  std::string response;
  {
    RawPeer attacker(server.port());
    attacker.Send(bytes);
    response = attacker.ReadAll();
  }
  RawPeer honest(server.port());
  honest.Send("GET /hello HTTP/1.1\r\n\r\n");
  EXPECT_EQ(StatusOf(honest.ReadResponse()), 200);
  return response;
}

TEST(HostilePeer, HeaderBombsGet431) {
  const auto server = StartTestServer();
  std::string many = "GET /hello HTTP/1.1\r\n";
  for (int i = 0; i < 200'000; ++i) many += "A: b\r\n";
  EXPECT_EQ(StatusOf(Attack(*server, many + "\r\n")), 431);
  EXPECT_EQ(StatusOf(Attack(*server, "GET /hello HTTP/1.1\r\nA: " + std::string(1 << 20, 'x') + "\r\n\r\n")), 431);
}

TEST(HostilePeer, LongPathsGet414) {
  const auto server = StartTestServer();
  EXPECT_EQ(StatusOf(Attack(*server, "GET /" + std::string(8000, 'a') + " HTTP/1.1\r\n\r\n")), 414);
  EXPECT_EQ(StatusOf(Attack(*server, "GET /" + std::string(1 << 20, 'a'))), 414);
}

TEST(HostilePeer, OversizedBodiesGet413WithoutBeingRead) {
  ServerOptions options;
  options.max_body_bytes = 1000;
  const auto server = StartTestServer(options);
  EXPECT_EQ(StatusOf(Attack(*server, "POST /echo HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n\r\n")), 413);
  EXPECT_EQ(
      StatusOf(Attack(*server, "POST /echo HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" + std::string(100'000, 'x'))),
      413);
  std::string chunks = "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 2000; ++i) chunks += "5\r\nabcde\r\n";
  EXPECT_EQ(StatusOf(Attack(*server, chunks)), 413);
}

TEST(HostilePeer, MultipartBombsGet400) {
  const auto server = StartTestServer();
  const std::string body =
      "--B\r\nContent-Disposition: form-data; name=\"" + std::string(8100, '"') + std::string(100'000, 'a');
  EXPECT_EQ(StatusOf(Attack(*server,
                            "POST /echo HTTP/1.1\r\nConnection: close\r\nContent-Type: multipart/form-data; "
                            "boundary=B\r\nContent-Length: " +
                                std::to_string(body.size()) + "\r\n\r\n" + body)),
            400);
}

TEST(HostilePeer, RequestsBehindARefusedOneAreNotServed) {
  const auto server = StartTestServer();
  const auto said = Attack(*server,
                           "POST /echo HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET "
                           "/hello HTTP/1.1\r\n\r\n");
  EXPECT_EQ(StatusOf(said), 400);
  EXPECT_EQ(said.find("hello\""), std::string::npos);
}

TEST(HostilePeer, SlowPeersHoldNoThreadAndGet408) {
  ServerOptions options;
  options.threads = 1;
  options.request_timeout_ms = 300;
  const auto server = StartTestServer(options);
  std::vector<std::unique_ptr<RawPeer>> slow;
  for (int i = 0; i < 50; ++i) {
    slow.push_back(std::make_unique<RawPeer>(server->port()));
    slow.back()->Send(i % 2 == 0 ? "GET /hel" : "POST /echo HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
  }
  RawPeer honest(server->port());
  honest.Send("GET /hello HTTP/1.1\r\n\r\n");
  EXPECT_EQ(StatusOf(honest.ReadResponse()), 200);
  for (auto& peer : slow) EXPECT_EQ(StatusOf(peer->ReadAll()), 408);
}

TEST(HostilePeer, IdleConnectionsAreClosedInSilence) {
  ServerOptions options;
  options.idle_timeout_ms = 100;
  const auto server = StartTestServer(options);
  RawPeer idle(server->port());
  EXPECT_EQ(idle.ReadAll(), "");
}

TEST(HostilePeer, ConnectionsOverTheLimitAreTurnedAway) {
  ServerOptions options;
  options.max_connections = 4;
  const auto server = StartTestServer(options);
  std::vector<std::unique_ptr<RawPeer>> peers;
  for (int i = 0; i < 4; ++i) {
    peers.push_back(std::make_unique<RawPeer>(server->port()));
    peers.back()->Send("GET /hello HTTP/1.1\r\n\r\n");
    ASSERT_EQ(StatusOf(peers.back()->ReadResponse()), 200);
    // The connection counts again once the loop has it back; the second answer shows that it had.
    peers.back()->Send("GET /hello HTTP/1.1\r\n\r\nGET");
    ASSERT_EQ(StatusOf(peers.back()->ReadResponse()), 200);
  }
  bool refused = false;
  for (int i = 0; i < 50 && !refused; ++i) {
    RawPeer extra(server->port());
    extra.Send("GET /hello HTTP/1.1\r\n\r\n");
    refused = StatusOf(extra.ReadResponse()) != 200;
  }
  EXPECT_TRUE(refused);
}

TEST(HostilePeer, RandomBytesNeverStopTheServer) {
  const auto server = StartTestServer();
  Rng rng(7);
  const std::string seed =
      "POST /echo?a=b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: "
      "chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  for (int round = 0; round < 200; ++round) {
    std::string bytes = seed;
    for (uint64_t i = 0; i < 1 + rng.Below(6); ++i) bytes[rng.Below(bytes.size())] = static_cast<char>(rng.Below(256));
    RawPeer peer(server->port());
    peer.Send(bytes);
    peer.FinishSending();
    (void)peer.ReadAll();
  }
  RawPeer honest(server->port());
  honest.Send("GET /hello HTTP/1.1\r\n\r\n");
  EXPECT_EQ(StatusOf(honest.ReadResponse()), 200);
}

}  // namespace
}  // namespace perennial::http
