#include "serving/edge/edge.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "serving/http/client.h"
#include "serving/model/model.h"
#include "serving/model/quantise.h"
#include "storage/base/env.h"
#include "updater/publisher.h"
#include "updater/update_server.h"

namespace perennial::edge {
namespace {

constexpr auto kLimit = std::chrono::seconds(60);

format::VersionImage MakeImage(uint64_t seed) {
  auto network = model::BuildModel(*format::ModelSpec::Preset("tiny"), 3, seed);
  EXPECT_TRUE(network.ok());
  auto outcome = model::Quantise(**network, {"good", "scratch", "dent"}, nullptr, 1);
  EXPECT_TRUE(outcome.ok());
  return std::move(outcome->image);
}

// The hub's update plane in memory, with real sockets and keys.
class Hub {
 public:
  explicit Hub(const std::string& folder) : keys_folder_(folder + "/keys") {
    EXPECT_TRUE(trust::HubKeyring::Init(keys_folder_).ok());
    EXPECT_TRUE(trust::HubKeyring::AddNode(keys_folder_, "edge-1", folder + "/bundle").ok());
    keys_ = std::move(*trust::HubKeyring::Load(keys_folder_));
    store_ = kv::OpenMemory(versions::VersionStore::Families());
    versions_ = std::move(*versions::VersionStore::Open(*store_));
    publisher_ = std::move(*updater::Publisher::Open(*versions_, keys_->signer(), {}, clock_));
    rollout_ =
        std::move(*updater::RolloutController::Open(*versions_, {}, clock_, [this](const updater::RolloutState& state) {
          if (server_) server_->Announce(state);
        }));
    auto server = updater::UpdateServer::Start({}, *keys_, *versions_, *rollout_, clock_);
    EXPECT_TRUE(server.ok()) << server.status().ToString();
    server_ = std::move(*server);
  }
  void Release(const format::VersionImage& image) {
    const auto outcome = publisher_->Publish(image, "{}", rollout_->State().stable, rollout_->State().stable);
    ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
    ASSERT_TRUE(rollout_->Start(outcome->version).ok());
  }
  updater::UpdateServer& server() { return *server_; }
  updater::RolloutController& rollout() { return *rollout_; }

 private:
  SystemClock clock_;
  std::string keys_folder_;
  std::unique_ptr<trust::HubKeyring> keys_;
  std::unique_ptr<kv::KvStore> store_;
  std::unique_ptr<versions::VersionStore> versions_;
  std::unique_ptr<updater::Publisher> publisher_;
  std::unique_ptr<updater::RolloutController> rollout_;
  std::unique_ptr<updater::UpdateServer> server_;
};

class EdgeTest : public testing::Test {
 protected:
  void SetUp() override {
    auto folder = TemporaryFolder::Make("perennial-edge-test");
    ASSERT_TRUE(folder.ok());
    folder_ = std::make_unique<TemporaryFolder>(std::move(*folder));
    hub_ = std::make_unique<Hub>(folder_->path());
    options_.bundle_folder = folder_->path() + "/bundle";
    options_.data_folder = folder_->path() + "/data";
    options_.updates.announce_endpoint = hub_->server().announce_endpoint();
    options_.updates.bulk_endpoint = hub_->server().bulk_endpoint();
  }
  std::unique_ptr<Edge> StartEdge() {
    auto edge = Edge::Start(options_, clock_);
    EXPECT_TRUE(edge.ok()) << edge.status().ToString();
    return edge.ok() ? std::move(*edge) : nullptr;
  }
  static std::unique_ptr<http::Client> Connect(const Edge& edge) {
    http::ClientOptions options;
    options.base_url = "http://" + edge.http_address();
    return std::move(*http::Client::Make(options));
  }
  // Asks until the node names `version`; false when it never did.
  static bool AwaitVersion(http::Client& client, const std::string& version) {
    const std::string body = R"({"inputs":[{"name":"text","datatype":"BYTES","shape":[1],"data":["is it good?"]}]})";
    const auto deadline = std::chrono::steady_clock::now() + kLimit;
    while (std::chrono::steady_clock::now() < deadline) {
      const auto answer = client.Post("/v2/models/default/infer", body, "application/json");
      if (answer.ok() && answer->status == 200 && answer->Header("perennial-version") == version) return true;
    }
    return false;
  }

  SystemClock clock_;
  std::unique_ptr<TemporaryFolder> folder_;
  std::unique_ptr<Hub> hub_;
  EdgeOptions options_;
};

TEST_F(EdgeTest, FollowsTheHubAndServesItsLastGoodVersionWithoutIt) {
  {
    const auto edge = StartEdge();
    ASSERT_NE(edge, nullptr);
    const auto client = Connect(*edge);
    EXPECT_EQ(client->Get("/v2/health/ready")->status, 503);
    hub_->Release(MakeImage(1));
    ASSERT_TRUE(AwaitVersion(*client, "1")) << edge->UpdateStatus().last_error;
    EXPECT_EQ(client->Get("/v2/health/ready")->status, 200);
    const auto metrics = client->Get("/metrics");
    EXPECT_NE(metrics->body.find("perennial_update_snapshots_total 1"), std::string::npos) << metrics->body;
    EXPECT_NE(metrics->body.find("perennial_model_info"), std::string::npos);
  }
  hub_.reset();
  const auto edge = StartEdge();
  ASSERT_NE(edge, nullptr);
  const auto client = Connect(*edge);
  EXPECT_EQ(client->Get("/v2/health/ready")->status, 200);
  EXPECT_TRUE(AwaitVersion(*client, "1"));
}

TEST_F(EdgeTest, TakesASecondVersionWhenItIsPromoted) {
  const auto edge = StartEdge();
  ASSERT_NE(edge, nullptr);
  const auto client = Connect(*edge);
  hub_->Release(MakeImage(1));
  ASSERT_TRUE(AwaitVersion(*client, "1")) << edge->UpdateStatus().last_error;
  hub_->Release(MakeImage(2));
  ASSERT_TRUE(hub_->rollout().Promote("test").ok());
  EXPECT_TRUE(AwaitVersion(*client, "2")) << edge->UpdateStatus().last_error;
}

TEST_F(EdgeTest, StartsWithAClearErrorOrNotAtAll) {
  const auto first = StartEdge();
  ASSERT_NE(first, nullptr);
  EdgeOptions second = options_;
  second.data_folder = folder_->path() + "/data-2";
  const std::string address = first->http_address();
  second.http.port = std::stoi(address.substr(address.rfind(':') + 1));
  EXPECT_EQ(Edge::Start(second, clock_).status().code(), Code::kAlreadyExists);
  EdgeOptions same_data = options_;
  EXPECT_EQ(Edge::Start(same_data, clock_).status().code(), Code::kUnavailable);
  EdgeOptions no_bundle = options_;
  no_bundle.bundle_folder = folder_->path() + "/nothing";
  const Status status = Edge::Start(no_bundle, clock_).status();
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.message().find("bundle"), std::string::npos);
}

TEST_F(EdgeTest, WithATokenFileInferenceFeedbackAndMetricsWantAToken) {
  const std::string token(32, 'k');
  options_.auth.token_file = folder_->path() + "/tokens";
  options_.auth.open_loopback = false;
  ASSERT_TRUE(Env::Posix().WriteFileAtomic(options_.auth.token_file, token + "\n", 0600).ok());
  const auto edge = StartEdge();
  ASSERT_NE(edge, nullptr);
  const auto stranger = Connect(*edge);
  const auto friendly = std::move(*http::Client::Make({"http://" + edge->http_address(), token}));
  const std::string feedback = R"({"request_id":"edge-1:7","label":"good"})";
  for (const char* path : {"/v2/feedback", "/v2/models/default/infer"}) {
    const auto refused = stranger->Post(path, feedback, "application/json");
    EXPECT_EQ(refused->status, 401) << path;
    EXPECT_FALSE(refused->Header("www-authenticate").empty());
    EXPECT_TRUE(nlohmann::json::parse(refused->body).contains("error"));
  }
  EXPECT_EQ(stranger->Get("/metrics")->status, 401);
  EXPECT_EQ(stranger->Get("/v2/health/live")->status, 200);
  EXPECT_EQ(friendly->Post("/v2/feedback", feedback, "application/json")->status, 404);
  EXPECT_EQ(friendly->Get("/metrics")->status, 200);
}

TEST_F(EdgeTest, WithoutATokenFileAPageOfAnotherOriginGivesNoFeedback) {
  const auto edge = StartEdge();
  ASSERT_NE(edge, nullptr);
  const auto client = Connect(*edge);
  const std::string feedback = R"({"request_id":"edge-1:7","label":"good"})";
  EXPECT_EQ(client->Post("/v2/feedback", feedback, "application/json")->status, 404);
  EXPECT_EQ(client->Post("/v2/feedback", feedback, "application/json", {{"Origin", "https://evil.example"}})->status,
            401);
}

}  // namespace
}  // namespace perennial::edge
