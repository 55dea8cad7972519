#include "tests/api/fixture.h"

#include "storage/base/bytes.h"
#include "storage/media/image.h"
#include "tests/api/schema_check.h"

namespace perennial::api {

void ApiTest::SetUp() {
  std::vector<std::string> families = samples::SampleLog::Families();
  for (const std::string& family : versions::VersionStore::Families()) families.push_back(family);
  memory_ = kv::OpenMemory(families);
  store_ = std::make_unique<kv::FaultStore>(*memory_);
  samples::SampleLogOptions log_options;
  log_options.held_out_share = 0.0;
  auto log = samples::SampleLog::Open(*store_, log_options, clock_);
  ASSERT_TRUE(log.ok()) << log.status().ToString();
  log_ = *std::move(log);
  auto versions = versions::VersionStore::Open(*store_);
  ASSERT_TRUE(versions.ok()) << versions.status().ToString();
  versions_ = *std::move(versions);
  signer_ = trust::Signer::Generate();
  auto publisher = updater::Publisher::Open(*versions_, *signer_, {}, clock_);
  ASSERT_TRUE(publisher.ok()) << publisher.status().ToString();
  publisher_ = *std::move(publisher);
  events_ = std::make_unique<EventHub>(1000, 1, clock_);
  rollout_events_ = std::make_unique<RolloutEvents>(*events_);
  auto rollout = updater::RolloutController::Open(
      *versions_, {}, clock_, [this](const updater::RolloutState& state) { rollout_events_->OnState(state); });
  ASSERT_TRUE(rollout.ok()) << rollout.status().ToString();
  rollout_ = *std::move(rollout);
  rollout_events_->Attach(rollout_.get(), &updates_);
  releaser_ = std::make_unique<Releaser>(*publisher_, *versions_, *rollout_, *events_, ReleaserOptions{});
  StartServer({}, {.token_file = {}, .open_loopback = true});
}

void ApiTest::StartServer(const ApiOptions& options, const AuthOptions& auth, uint64_t max_body_bytes) {
  client_.reset();
  server_.reset();
  http::ServerOptions http_options;
  http_options.threads = 4;
  http_options.max_body_bytes = max_body_bytes;
  auto server =
      ApiServer::Start(http_options, auth, options,
                       {clock_, *log_, *versions_, *rollout_, updates_, *releaser_, trainer_, trainer_, *events_});
  ASSERT_TRUE(server.ok()) << server.status().ToString();
  server_ = *std::move(server);
  auto client = http::Client::Make({.base_url = "http://" + server_->address(), .token = {}});
  ASSERT_TRUE(client.ok()) << client.status().ToString();
  client_ = *std::move(client);
}

ApiTest::Answer ApiTest::Checked(const char* method, const std::string& path, Result<http::ClientResponse> response) {
  EXPECT_TRUE(response.ok()) << response.status().ToString();
  if (!response.ok()) return {};
  const Status fits =
      CheckAnswer(OpenApiDocument(), method, path, response->status, response->Header("content-type"), response->body);
  EXPECT_TRUE(fits.ok()) << fits.message() << response->body;
  Answer answer;
  answer.status = response->status;
  answer.body = nlohmann::json::parse(response->body, nullptr, false);
  answer.raw = *std::move(response);
  return answer;
}

ApiTest::Answer ApiTest::Get(const std::string& path, const Headers& headers) {
  return Checked("GET", path, client_->Get(path, headers));
}
ApiTest::Answer ApiTest::Post(const std::string& path, const nlohmann::json& body) {
  return PostRaw(path, body.is_null() ? "" : body.dump(), "application/json");
}
ApiTest::Answer ApiTest::PostRaw(const std::string& path, std::string_view body, const std::string& content_type,
                                 const Headers& headers) {
  return Checked("POST", path, client_->Post(path, body, content_type, headers));
}
ApiTest::Answer ApiTest::Delete(const std::string& path) { return Checked("DELETE", path, client_->Delete(path)); }

VersionId ApiTest::Release(float value) {
  const auto outcome = releaser_->Release(TestImage(value), R"({"average_accuracy":0.5})");
  EXPECT_TRUE(outcome.ok()) << outcome.status().ToString();
  return outcome.ok() ? outcome->version : VersionId{};
}

std::string TestPng(int seed) {
  media::Image image{.width = 8, .height = 8, .pixels = std::vector<uint8_t>(8 * 8 * 3, static_cast<uint8_t>(seed))};
  image.pixels[0] = static_cast<uint8_t>(seed >> 8);
  auto png = media::EncodePng(image);
  EXPECT_TRUE(png.ok());
  return png.ok() ? *png : "";
}

std::string Line(const std::string& id, const std::string& text, const std::string& label, const std::string& image) {
  nlohmann::json line = {{"source", "test"}, {"id", id}};
  if (!text.empty()) line["text"] = text;
  if (!label.empty()) line["label"] = label;
  if (!image.empty()) line["image"] = Base64Encode(image);
  return line.dump() + "\n";
}

std::string Form(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string body;
  for (auto [name, content] : fields) {
    const bool file = name.ends_with('@');
    if (file) name.pop_back();
    body += "--B\r\nContent-Disposition: form-data; name=\"" + name + "\"";
    if (file) body += "; filename=\"picture\"\r\nContent-Type: application/octet-stream";
    body += "\r\n\r\n" + content + "\r\n";
  }
  return body + "--B--\r\n";
}

format::VersionImage TestImage(float value) {
  format::VersionImage image;
  image.labels = {"good", "scratch"};
  image.slices = {"default"};
  format::TensorRecord bias;
  bias.name = "head.bias";
  bias.kind = format::TensorKind::kFloat32;
  bias.shape = {2};
  bias.values = {value, 0.5f};
  image.tensors.push_back(std::move(bias));
  format::TensorRecord weight;
  weight.name = "body.weight";
  weight.kind = format::TensorKind::kInt8Rows;
  weight.shape = {2, 64};
  weight.codes.assign(128, static_cast<int8_t>(value));
  weight.scales = {0.5f, 0.25f};
  image.tensors.push_back(std::move(weight));
  return image;
}

}  // namespace perennial::api
