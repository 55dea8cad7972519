#include "serving/protocol.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "serving/engine_core.h"
#include "serving/http/client.h"
#include "serving/infer_request.h"
#include "storage/base/bytes.h"
#include "tests/serving/fakes.h"

namespace perennial::serving {
namespace {

using nlohmann::json;

// One string of several. GCC 12 warns falsely about "literal" + string under -O3 (its bug 105651).
std::string Join(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (const std::string_view part : parts) out.append(part);
  return out;
}

class ProtocolTest : public testing::Test {
 protected:
  void SetUp() override {
    EngineOptions options;
    options.node_name = "n";
    engine_ = std::move(*StartEngine(options, clock_, std::make_unique<FakeFactory>(state_)));
    server_ = std::move(*http::Server::Make({}));
    MountInference(*server_, *engine_, {});
    ASSERT_TRUE(server_->Listen().ok());
    http::ClientOptions client;
    client.base_url = Join({"http://", server_->address()});
    client_ = std::move(*http::Client::Make(client));
  }
  void Publish(uint64_t version) {
    ASSERT_TRUE(engine_->Stage(MakeVersion(version, "a", std::to_string(version))).ok());
    ASSERT_TRUE(engine_->Confirm(VersionId{version}).ok());
  }
  http::ClientResponse Post(const std::string& path, const std::string& body,
                            const std::string& type = "application/json", const http::Client::Headers& headers = {}) {
    auto response = client_->Post(path, body, type, headers);
    EXPECT_TRUE(response.ok()) << response.status().ToString();
    return response.ok() ? *response : http::ClientResponse();
  }
  http::ClientResponse Infer(const json& body) { return Post("/v2/models/default/infer", body.dump()); }
  static json Input(const std::string& name, const json& data) {
    return {{"name", name}, {"datatype", "BYTES"}, {"shape", {data.size()}}, {"data", data}};
  }

  SystemClock clock_;
  std::shared_ptr<FakeFactory::State> state_ = std::make_shared<FakeFactory::State>();
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<http::Client> client_;
};

TEST_F(ProtocolTest, HealthFollowsTheFirstVersion) {
  EXPECT_EQ(client_->Get("/v2/health/live")->status, 200);
  EXPECT_EQ(client_->Get("/v2/health/ready")->status, 503);
  EXPECT_EQ(Infer({{"inputs", {Input("text", {"x"})}}}).status, 503);
  Publish(1);
  const auto ready = client_->Get("/v2/health/ready");
  EXPECT_EQ(ready->status, 200);
  EXPECT_EQ(ready->body, "");
  EXPECT_EQ(client_->Get("/v2/models/default/ready")->status, 200);
}

TEST_F(ProtocolTest, AnswersJsonWithVersionEverywhere) {
  Publish(4);
  const auto response =
      Infer({{"id", ""}, {"inputs", {Input("image", {Base64Encode(TinyPng())}), Input("text", {"xxxx"})}}});
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.Header("perennial-version"), "4");
  const json body = json::parse(response.body);
  EXPECT_EQ(body["model_name"], "default");
  EXPECT_EQ(body["model_version"], "4");
  EXPECT_EQ(body["id"], "");
  ASSERT_EQ(body["outputs"].size(), 4u);
  EXPECT_EQ(body["outputs"][0]["name"], "label");
  EXPECT_EQ(body["outputs"][0]["data"], json::array({"b"}));
  EXPECT_EQ(body["outputs"][0]["shape"], json::array({1}));
  EXPECT_EQ(body["outputs"][3]["shape"], json::array({1, 3}));
  EXPECT_EQ(body["parameters"]["request_id"].get<std::string>().substr(0, 2), "n:");
}

TEST_F(ProtocolTest, AnswersSeveralSamplesFromOneVersionAndOnlyWantedOutputs) {
  Publish(1);
  json input = Input("text", {"xxx", "xxxx", "xxxxx"});
  input["shape"] = {3, 1};
  input["data"] = {{"xxx"}, {"xxxx"}, {"xxxxx"}};
  const auto response = Infer({{"inputs", {input}}, {"outputs", {{{"name", "label"}}}}, {"id", "r"}});
  ASSERT_EQ(response.status, 200) << response.body;
  const json body = json::parse(response.body);
  ASSERT_EQ(body["outputs"].size(), 1u);
  EXPECT_EQ(body["outputs"][0]["data"], json::array({"a", "b", "c"}));
  EXPECT_EQ(body["id"], "r");
  EXPECT_EQ(body["parameters"]["request_ids"], json::array({"n:r/0", "n:r/1", "n:r/2"}));
}

TEST_F(ProtocolTest, TakesRawImagesWithTextInTheQuery) {
  Publish(2);
  const auto response = Post("/v2/models/default/infer?text=is%20it%3F", TinyPng(), "image/png");
  ASSERT_EQ(response.status, 200) << response.body;
  const json body = json::parse(response.body);
  EXPECT_EQ(body["label"], "a");
  EXPECT_EQ(body["model_version"], "2");
  EXPECT_EQ(body["trial"], false);
  EXPECT_EQ(body["top"].size(), 3u);
  EXPECT_EQ(response.Header("perennial-version"), "2");
  EXPECT_EQ(Post("/v2/models/default/infer", "no picture", "image/jpeg").status, 400);
  EXPECT_EQ(Post("/v2/models/default/infer", "", "image/jpeg").status, 400);
}

TEST_F(ProtocolTest, RoutingKeyIsStickyByHeaderAndParameter) {
  Publish(1);
  ASSERT_TRUE(engine_->Stage(MakeVersion(2, "z")).ok());
  ASSERT_TRUE(engine_->Activate(VersionId{2}, {500}).ok());
  std::set<std::string> seen;
  for (int key = 0; key < 20; ++key) {
    const std::string name = Join({"k", std::to_string(key)});
    const auto by_parameter = Infer({{"parameters", {{"routing_key", name}}}, {"inputs", {Input("text", {"x"})}}});
    const auto by_header = Post("/v2/models/default/infer", json({{"inputs", {Input("text", {"x"})}}}).dump(),
                                "application/json", {{"Perennial-Routing-Key", name}});
    EXPECT_EQ(by_parameter.Header("perennial-version"), by_header.Header("perennial-version"));
    seen.emplace(by_header.Header("perennial-version"));
  }
  EXPECT_EQ(seen.size(), 2u);
}

TEST_F(ProtocolTest, VersionsInThePathAreNumbersOrAliases) {
  Publish(3);
  const std::string body = json({{"inputs", {Input("text", {"x"})}}}).dump();
  EXPECT_EQ(Post("/v2/models/default/versions/3/infer", body).status, 200);
  EXPECT_EQ(Post("/v2/models/default/versions/stable/infer", body).status, 200);
  for (const char* version : {"4", "canary", "x", "-1", "99999999999999999999"}) {
    const auto response = Post(Join({"/v2/models/default/versions/", version, "/infer"}), body);
    EXPECT_EQ(response.status, 404) << version;
    EXPECT_EQ(json::parse(response.body)["error"].get<std::string>().find("Request for unknown model"), 0u);
  }
  EXPECT_EQ(json::parse(Post("/v2/models/other/infer", body).body)["error"].get<std::string>().find(
                "Request for unknown model"),
            0u);
}

TEST_F(ProtocolTest, MetadataAndMetricsAndFeedback) {
  Publish(3);
  EXPECT_EQ(json::parse(client_->Get("/v2")->body)["name"], "perennial-edge");
  EXPECT_EQ(client_->Get("/v2/")->status, 200);
  const json model = json::parse(client_->Get("/v2/models/default")->body);
  EXPECT_EQ(model["versions"], json::array({"3"}));
  EXPECT_EQ(model["inputs"][0]["name"], "image");
  EXPECT_EQ(model["inputs"][0]["shape"], json::array({-1}));
  const json answer = json::parse(Post("/v2/models/default/infer?text=x", TinyPng(), "image/png").body);
  const json feedback = {{"request_id", answer["id"]}, {"label", "a"}};
  EXPECT_EQ(Post("/v2/feedback", feedback.dump()).status, 200);
  EXPECT_EQ(Post("/v2/feedback", feedback.dump()).status, 404);
  EXPECT_EQ(Post("/v2/feedback", "{}").status, 400);
  EXPECT_EQ(Post("/v2/feedback", "[[[").status, 400);
  const auto metrics = client_->Get("/metrics");
  EXPECT_NE(metrics->body.find("perennial_requests_total"), std::string::npos);
  EXPECT_EQ(metrics->Header("content-type").substr(0, 10), "text/plain");
  EXPECT_TRUE(json::parse(client_->Get("/nothing")->body).contains("error"));
}

TEST_F(ProtocolTest, HostileBodiesGet400AndTheNodeLives) {
  Publish(1);
  const std::string good = R"({"name":"text","datatype":"BYTES","shape":[1],"data":["x"]})";
  const std::vector<std::string> bodies = {
      "",
      "{",
      "null",
      "[]",
      "{}",
      R"({"inputs":[]})",
      R"({"inputs":{}})",
      R"({"inputs":[1]})",
      R"({"inputs":[{}]})",
      std::string(250'000, '['),
      std::string(250'000, '{'),
      Join({R"({"a":)", std::string(101, '['), std::string(101, ']'), "}"}),
      R"({"inputs":[{"name":"text","datatype":"FP32","shape":[1],"data":[1]}]})",
      R"({"inputs":[{"name":"text","datatype":"BYTES","shape":[-1],"data":["x"]}]})",
      R"({"inputs":[{"name":"text","datatype":"BYTES","shape":[9223372036854775807,2],"data":["x"]}]})",
      R"({"inputs":[{"name":"text","datatype":"BYTES","shape":[18446744073709551615],"data":["x"]}]})",
      R"({"inputs":[{"name":"text","datatype":"BYTES","shape":[2],"data":["x"]}]})",
      R"({"inputs":[{"name":"text","datatype":"BYTES","shape":[1],"data":[1]}]})",
      R"({"inputs":[{"name":"text","datatype":"BYTES","shape":[1],"data":"x"}]})",
      R"({"inputs":[{"name":"text","datatype":"BYTES","shape":[],"data":[]}]})",
      R"({"inputs":[{"name":"other","datatype":"BYTES","shape":[1],"data":["x"]}]})",
      R"({"inputs":[{"name":"image","datatype":"BYTES","shape":[1],"data":["%%%"]}]})",
      Join({R"({"inputs":[)", good, ",", good, "]}"}),
      Join({R"({"inputs":[)", good, R"(],"outputs":[{"name":"nothing"}]})"}),
      Join({R"({"inputs":[)", good, R"(],"outputs":[{"name":"label"},{"name":"label"}]})"}),
      Join({R"({"id":7,"inputs":[)", good, "]}"}),
      "{\"inputs\":[{\"name\":\"text\",\"datatype\":\"BYTES\",\"shape\":[1],\"data\":[\"\xff\"]}]}",
      R"({"inputs":[{"name":"text","datatype":"BYTES","shape":[1],"data":["\ud800"]}]})"};
  for (const std::string& body : bodies) {
    const auto response = Post("/v2/models/default/infer", body);
    EXPECT_EQ(response.status, 400) << body.substr(0, 100);
    EXPECT_TRUE(json::parse(response.body).contains("error"));
  }
  EXPECT_EQ(Infer({{"inputs", {Input("text", {"x"})}}}).status, 200);
}

TEST(InferRequestParser, EveryTruncationIsAnError) {
  const std::string body =
      R"({"id":"a","parameters":{"routing_key":"k"},"inputs":[{"name":"text","datatype":"BYTES","shape":[1],"data":["x"]}],"outputs":[{"name":"label"}]})";
  ASSERT_TRUE(ParseInferRequest(body, "m").ok());
  for (size_t i = 0; i < body.size(); ++i) EXPECT_FALSE(ParseInferRequest(body.substr(0, i), "m").ok()) << i;
}

}  // namespace
}  // namespace perennial::serving
