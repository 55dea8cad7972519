#include "serving/http/client.h"

#include <gtest/gtest.h>

#include <thread>

#include "serving/http/socket.h"
#include "tests/http/raw_peer.h"

namespace perennial::http {
namespace {

std::unique_ptr<Client> Connect(const Server& server, Duration timeout = std::chrono::seconds(10)) {
  auto client = Client::Make({"http://" + server.address(), "secret", timeout});
  EXPECT_TRUE(client.ok());
  return std::move(*client);
}

TEST(Client, SendsAllMethodsAndReadsHeaders) {
  auto server = Server::Make({});
  for (const char* method : {"GET", "POST", "PATCH", "DELETE"}) {
    (*server)->Route(method, "/m", [](const Request& request, Response& response) {
      response.status = 201;
      response.headers.emplace_back("X-Token", std::string(request.Header("authorization")));
      response.headers.emplace_back("X-Extra", std::string(request.Header("x-extra")));
      response.body = request.method + ":" + request.body;
    });
  }
  ASSERT_TRUE((*server)->Listen().ok());
  const auto client = Connect(**server);
  const auto get = client->Get("/m", {{"X-Extra", "e"}});
  ASSERT_TRUE(get.ok()) << get.status().ToString();
  EXPECT_EQ(get->status, 201);
  EXPECT_EQ(get->body, "GET:");
  EXPECT_EQ(get->Header("x-token"), "Bearer secret");
  EXPECT_EQ(get->Header("x-extra"), "e");
  EXPECT_EQ(client->Post("/m", std::string("a\0b", 3), "text/plain")->body, std::string("POST:a\0b", 8));
  EXPECT_EQ(client->Patch("/m", "p", "text/plain")->body, "PATCH:p");
  EXPECT_EQ(client->Delete("/m")->body, "DELETE:");
}

TEST(Client, ReturnsErrorStatusesAsResponses) {
  const auto server = StartTestServer();
  const auto client = Connect(*server);
  const auto missing = client->Get("/none");
  ASSERT_TRUE(missing.ok());
  EXPECT_EQ(missing->status, 404);
  EXPECT_FALSE(client->Stream("/none", [](std::string_view) { return true; }).ok());
}

TEST(Client, NamesTheAddressWhenNobodyListens) {
  int port = 0;
  {
    auto listener = ListenOn("127.0.0.1", 0, port);
    ASSERT_TRUE(listener.ok());
  }
  auto client = Client::Make({"http://127.0.0.1:" + std::to_string(port), "", std::chrono::seconds(5)});
  ASSERT_TRUE(client.ok());
  const auto result = (*client)->Get("/");
  EXPECT_EQ(result.status().code(), Code::kUnavailable);
  EXPECT_NE(result.status().message().find(std::to_string(port)), std::string::npos);
}

TEST(Client, GivesUpAtItsDeadlineOnASilentServer) {
  int port = 0;
  auto listener = ListenOn("127.0.0.1", 0, port);  // accepts in the kernel, never answers
  ASSERT_TRUE(listener.ok());
  auto client = Client::Make({"http://127.0.0.1:" + std::to_string(port), "", std::chrono::milliseconds(200)});
  EXPECT_EQ((*client)->Get("/").status().code(), Code::kDeadlineExceeded);
}

TEST(Client, RefusesBadAddresses) {
  for (const char* address : {"ftp://x", "", "http://127.0.0.1:notaport"}) {
    ClientOptions options;
    options.base_url = address;
    EXPECT_EQ(Client::Make(options).status().code(), Code::kInvalidArgument) << address;
  }
}

TEST(Client, ReconnectsAfterTheServerDroppedAnIdleConnection) {
  ServerOptions options;
  options.idle_timeout_ms = 400;  // far longer than a busy machine needs from connect to request
  const auto server = StartTestServer(options);
  const auto client = Connect(*server);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(client->Get("/hello").ok()) << i;
    // The server closes its idle connections within two sweeps; raw idle peers see the same and tell us when. The
    // second one begins when the first has ended, so it surely outlives the client's connection.
    for (int peer = 0; peer < 2; ++peer) (void)RawPeer(server->port()).ReadAll();
  }
}

}  // namespace
}  // namespace perennial::http
