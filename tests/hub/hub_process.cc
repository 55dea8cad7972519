#include "tests/hub/hub_process.h"

#include <gtest/gtest.h>
#include "storage/sources/simulator.h"
#include "storage/sources/source.h"

namespace perennial::hub {

std::vector<std::string> HubProcess::SmallFlags() {
  return {"--spec",
          "tiny",
          "--image-size",
          "16",
          "--publish-every",
          "300",
          "--eval-max",
          "100",
          "--new-per-step",
          "10",
          "--replay-per-step",
          "22",
          "--checkpoint-every",
          "20",
          "--replay-capacity",
          "500",
          "--held-out-share",
          "0.1",
          "--seed",
          "7",
          "--most-steps-per-batch",  // the loop is looked at, not what is learned
          "1",
          "--http-threads",
          "8",
          "--open-loopback"};
}

Status HubProcess::Start(const std::vector<std::string>& flags,
                         const std::vector<std::pair<std::string, std::string>>& environment) {
  process::ChildOptions options;
  options.program = std::string(PERENNIAL_BINARY_DIR) + "/perennial-hub";
  options.arguments = {"--data",           folder_ + "/data", "--keys",     folder_ + "/keys",   "--init-keys",
                       "--http",           "127.0.0.1:0",     "--announce", "tcp://127.0.0.1:*", "--bulk",
                       "tcp://127.0.0.1:*"};
  options.arguments.insert(options.arguments.end(), flags.begin(), flags.end());
  options.environment = environment;
  options.log_path = folder_ + "/hub.log";
  PERENNIAL_ASSIGN_OR_RETURN(child_, process::ChildProcess::Start(options));
  PERENNIAL_ASSIGN_OR_RETURN(const std::string line, child_->ReadLine(kWait));
  ready_ = nlohmann::json::parse(line, nullptr, false);
  if (!ready_.is_object() || ready_.value("event", "") != "ready") return Internal("not a ready line: " + line);
  client_ = ClientWithToken("");
  return Status::Ok();
}

std::unique_ptr<http::Client> HubProcess::ClientWithToken(const std::string& token) const {
  http::ClientOptions options;
  options.base_url = "http://" + ready_.value("http", "");
  options.token = token;
  auto client = http::Client::Make(options);
  EXPECT_TRUE(client.ok()) << client.status().ToString();
  return client.ok() ? *std::move(client) : nullptr;
}

Result<int> HubProcess::Stop() {
  client_.reset();
  return child_->Stop(kWait);
}

Result<int> HubProcess::WaitForEnd() {
  client_.reset();
  // Its standard output ends with it; no more lines come before.
  const auto line = child_->ReadLine(kWait);
  if (line.ok()) return Internal("an unexpected line: " + *line);
  return child_->Stop(kWait);
}

nlohmann::json HubProcess::Get(const std::string& path) {
  const auto response = client_->Get(path);
  if (!response.ok()) return nullptr;
  EXPECT_EQ(response->status, 200) << response->body;
  return nlohmann::json::parse(response->body, nullptr, false);
}

int HubProcess::Post(const std::string& path, const nlohmann::json& body) {
  const auto response = client_->Post(path, body.dump(), "application/json");
  return response.ok() ? response->status : 0;
}

std::vector<nlohmann::json> HubProcess::Follow(const std::function<bool(const nlohmann::json&)>& enough) {
  std::vector<nlohmann::json> seen;
  std::string buffer;
  const SteadyTime deadline = std::chrono::steady_clock::now() + kWait;
  // Keep-alive comments come every few seconds, so the deadline is looked at even when nothing happens.
  const Status streamed = ClientWithToken("")->Stream("/api/v1/events?after=0", [&](std::string_view data) {
    buffer += data;
    for (size_t end; (end = buffer.find('\n')) != std::string::npos; buffer.erase(0, end + 1)) {
      if (!buffer.starts_with("data: ")) continue;
      seen.push_back(nlohmann::json::parse(buffer.substr(6, end - 6), nullptr, false));
      if (enough(seen.back())) return false;
    }
    return std::chrono::steady_clock::now() < deadline;
  });
  if (!streamed.ok()) seen.push_back({{"type", "stream_failed"}, {"error", streamed.ToString()}});
  return seen;
}

std::vector<format::Sample> SimulatedSamples(uint64_t seed, uint64_t train, uint64_t test) {
  sources::SimulatorOptions options;
  options.seed = seed;
  options.image_size = 32;
  options.train_per_slice = train;
  options.test_per_slice = test;
  options.schedule = {"base"};
  std::vector<format::Sample> samples;
  auto source = sources::OpenSimulator(options);
  EXPECT_TRUE(source.ok()) << source.status().ToString();
  if (!source.ok()) return samples;
  for (;;) {
    auto item = (*source)->Next();
    EXPECT_TRUE(item.ok()) << item.status().ToString();
    if (!item.ok() || !item->has_value()) return samples;
    EXPECT_TRUE((*item)->sample.ok()) << (*item)->sample.status().ToString();
    samples.push_back(*(*item)->sample);
  }
}

std::string BulkBody(const std::vector<format::Sample>& samples, size_t begin, size_t end) {
  std::string body;
  for (size_t i = begin; i < end && i < samples.size(); ++i) body += sources::SampleToJson(samples[i]) + "\n";
  return body;
}

}  // namespace perennial::hub
