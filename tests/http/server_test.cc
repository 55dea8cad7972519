#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/http/raw_peer.h"

namespace perennial::http {
namespace {

std::string BodyOf(const std::string& response) { return response.substr(response.find("\r\n\r\n") + 4); }

TEST(Server, AnswersManyRequestsOnOneConnection) {
  const auto server = StartTestServer();
  RawPeer peer(server->port());
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(peer.Send("GET /items/" + std::to_string(i) + "?q=a%20b HTTP/1.1\r\n\r\n"));
    EXPECT_EQ(BodyOf(peer.ReadResponse()), std::to_string(i) + "|a b");
  }
}

TEST(Server, AnswersPipelinedRequestsInOrder) {
  const auto server = StartTestServer();
  RawPeer peer(server->port());
  std::string all;
  for (int i = 0; i < 20; ++i) all += "POST /echo HTTP/1.1\r\nContent-Length: 2\r\n\r\n" + std::to_string(10 + i);
  ASSERT_TRUE(peer.Send(all));
  peer.FinishSending();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(BodyOf(peer.ReadResponse()), std::to_string(10 + i));
}

TEST(Server, ReadsChunkedMultipartAndExpectedBodies) {
  const auto server = StartTestServer();
  RawPeer peer(server->port());
  peer.Send("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  EXPECT_EQ(BodyOf(peer.ReadResponse()), "abc");
  const std::string form = "--B\r\nContent-Disposition: form-data; name=\"k\"\r\n\r\nv\r\n--B--\r\n";
  peer.Send("POST /echo HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=B\r\nContent-Length: " +
            std::to_string(form.size()) + "\r\n\r\n" + form);
  EXPECT_EQ(BodyOf(peer.ReadResponse()), "k=v;");
  peer.Send("POST /echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(peer.ReadResponse(), "HTTP/1.1 100 Continue\r\n\r\n");
  peer.Send("hi");
  EXPECT_EQ(BodyOf(peer.ReadResponse()), "hi");
}

TEST(Server, ExplainsUnknownPathsMethodsAndThrowingHandlers) {
  const auto server = StartTestServer();
  RawPeer peer(server->port());
  peer.Send("GET /nowhere HTTP/1.1\r\n\r\n");
  const auto missing = peer.ReadResponse();
  EXPECT_EQ(StatusOf(missing), 404);
  EXPECT_EQ(nlohmann::json::parse(BodyOf(missing))["code"], "not_found");
  peer.Send("DELETE /hello HTTP/1.1\r\n\r\n");
  const auto method = peer.ReadResponse();
  EXPECT_EQ(StatusOf(method), 405);
  EXPECT_NE(method.find("Allow: GET\r\n"), std::string::npos);
  peer.Send("GET /throw HTTP/1.1\r\n\r\n");
  const auto thrown = peer.ReadResponse();
  EXPECT_EQ(StatusOf(thrown), 500);
  EXPECT_NE(thrown.find("application/problem+json"), std::string::npos);
  EXPECT_EQ(thrown.find("secret"), std::string::npos);
  peer.Send("GET /hello HTTP/1.1\r\n\r\n");
  EXPECT_EQ(StatusOf(peer.ReadResponse()), 200);
}

TEST(Server, RefusesABusyPort) {
  const auto first = StartTestServer();
  ServerOptions options;
  options.port = first->port();
  auto second = Server::Make(options);
  ASSERT_TRUE(second.ok());
  const Status status = (*second)->Listen();
  EXPECT_EQ(status.code(), Code::kAlreadyExists);
  EXPECT_NE(status.message().find(std::to_string(first->port())), std::string::npos);
  EXPECT_FALSE(status.hint().empty());
}

TEST(Server, KeepsHundredsOfIdleConnectionsWithoutStarvingOthers) {
  ServerOptions options;
  options.threads = 2;
  const auto server = StartTestServer(options);
  std::vector<std::unique_ptr<RawPeer>> peers;
  for (int i = 0; i < 250; ++i) {
    peers.push_back(std::make_unique<RawPeer>(server->port()));
    peers.back()->Send("GET /hello HTTP/1.1\r\n\r\n");
    ASSERT_EQ(StatusOf(peers.back()->ReadResponse()), 200) << i;
  }
  for (auto& peer : peers) {
    peer->Send("GET /hello HTTP/1.1\r\n\r\n");
    ASSERT_EQ(StatusOf(peer->ReadResponse()), 200);
  }
}

TEST(Server, FilterAnswersBeforeAnyRoute) {
  auto server = Server::Make({});
  ASSERT_TRUE(server.ok());
  std::atomic<int> handled{0};
  (*server)->Route("GET", "/x", [&](const Request&, Response&) { ++handled; });
  (*server)->SetFilter([](const Request& request, Response& response) {
    if (request.Header("authorization") == "Bearer t") return false;
    WriteProblem(response, 401, PermissionDenied("no token"));
    return true;
  });
  ASSERT_TRUE((*server)->Listen().ok());
  RawPeer peer((*server)->port());
  peer.Send("GET /x HTTP/1.1\r\n\r\n");
  EXPECT_EQ(StatusOf(peer.ReadResponse()), 401);
  EXPECT_EQ(handled, 0);
  peer.Send("GET /x HTTP/1.1\r\nAUTHORIZATION: Bearer t\r\n\r\n");
  EXPECT_EQ(StatusOf(peer.ReadResponse()), 200);
  EXPECT_EQ(handled, 1);
}

TEST(Server, ErrorWriterDecidesTheFormAndSeesThePath) {
  auto server = Server::Make({});
  (*server)->SetErrorWriter([](const Request& request, Response& response, const Status& why) {
    response.body = request.path + ":" + why.message();
  });
  ASSERT_TRUE((*server)->Listen().ok());
  RawPeer peer((*server)->port());
  peer.Send("GET /lost HTTP/1.1\r\n\r\n");
  const auto response = peer.ReadResponse();
  EXPECT_EQ(StatusOf(response), 404);
  EXPECT_EQ(BodyOf(response).substr(0, 6), "/lost:");
}

TEST(Server, DrainFinishesRunningRequestsAndTurnsNewOnesAway) {
  auto made = Server::Make({});
  std::unique_ptr<Server> server = std::move(*made);
  std::promise<void> entered, release;
  server->Route("GET", "/slow", [&](const Request&, Response& response) {
    entered.set_value();
    release.get_future().wait_for(std::chrono::seconds(10));
    response.body = "done";
  });
  ASSERT_TRUE(server->Listen().ok());
  RawPeer slow(server->port());
  RawPeer fresh(server->port());
  slow.Send("GET /slow HTTP/1.1\r\n\r\n");
  ASSERT_EQ(entered.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  server->Drain();
  fresh.Send("GET /slow HTTP/1.1\r\n\r\n");
  const auto refused = fresh.ReadResponse();
  EXPECT_EQ(StatusOf(refused), 503);
  EXPECT_NE(refused.find("Retry-After: "), std::string::npos);
  release.set_value();
  EXPECT_EQ(BodyOf(slow.ReadResponse()), "done");
  server.reset();
}

TEST(Server, HeadSendsTheHeadersOnly) {
  const auto server = StartTestServer();
  RawPeer peer(server->port());
  peer.Send("HEAD /hello HTTP/1.1\r\nConnection: close\r\n\r\n");
  const auto response = peer.ReadAll();
  EXPECT_EQ(StatusOf(response), 200);
  EXPECT_NE(response.find("Content-Length: 7\r\n"), std::string::npos);
  EXPECT_EQ(BodyOf(response), "");
}

TEST(Server, AnswersParallelClientsCorrectly) {
  const auto server = StartTestServer();
  std::vector<std::thread> clients;
  std::atomic<int> right{0};
  for (int c = 0; c < 8; ++c) {
    clients.emplace_back([&, c] {
      RawPeer peer(server->port());
      for (int i = 0; i < 100; ++i) {
        const std::string body = std::to_string(c) + ":" + std::to_string(i);
        peer.Send("POST /echo HTTP/1.1\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
        if (BodyOf(peer.ReadResponse()) == body) ++right;
      }
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(right, 800);
}

TEST(Server, OptionsAreChecked) {
  ServerOptions options;
  options.port = 70000;
  EXPECT_EQ(Server::Make(options).status().code(), Code::kInvalidArgument);
  options = {};
  options.threads = 0;
  EXPECT_EQ(Server::Make(options).status().code(), Code::kInvalidArgument);
}

TEST(Problem, CarriesCodeDetailAndHintAndSurvivesBrokenText) {
  Response response;
  WriteProblem(response, 422, InvalidArgument("bad \xff text", "mend it"));
  const auto body = nlohmann::json::parse(response.body);
  EXPECT_EQ(body["status"], 422);
  EXPECT_EQ(body["code"], "invalid_argument");
  EXPECT_EQ(body["hint"], "mend it");
  EXPECT_EQ(response.content_type, "application/problem+json");
}

}  // namespace
}  // namespace perennial::http
