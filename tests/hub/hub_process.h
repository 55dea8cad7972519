#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "api/process/child_process.h"
#include "serving/http/client.h"
#include "storage/base/env.h"
#include "storage/base/status.h"
#include "storage/format/sample.h"

namespace perennial::hub {

inline constexpr auto kWait = std::chrono::seconds(60);  // longer than anything here takes, on a slow machine too

// The real perennial-hub as a child process on free ports, in a folder of its own that outlives it.
class HubProcess {
 public:
  explicit HubProcess(std::string folder) : folder_(std::move(folder)) {}

  // Flags for a network that learns the tests' samples in seconds.
  static std::vector<std::string> SmallFlags();
  // Starts it and waits for its ready line.
  Status Start(const std::vector<std::string>& flags,
               const std::vector<std::pair<std::string, std::string>>& environment = {});
  // SIGTERM; the wait status.
  Result<int> Stop();
  // Waits until it ended by itself; the wait status.
  Result<int> WaitForEnd();
  bool Running() { return child_ != nullptr && child_->Running(); }

  const nlohmann::json& ready() const { return ready_; }
  http::Client& client() { return *client_; }
  // A second client, with a token.
  std::unique_ptr<http::Client> ClientWithToken(const std::string& token) const;
  // The JSON of an answer; null when there was none.
  nlohmann::json Get(const std::string& path);
  int Post(const std::string& path, const nlohmann::json& body);
  // Reads events (from the first one held) until `enough` says so of one of them, or the hub is gone; all that were
  // seen.
  std::vector<nlohmann::json> Follow(const std::function<bool(const nlohmann::json&)>& enough);

 private:
  std::string folder_;
  std::unique_ptr<process::ChildProcess> child_;
  nlohmann::json ready_;
  std::unique_ptr<http::Client> client_;
};

// The field simulator's first slice: `train` questions to learn from and `test` held out ones.
std::vector<format::Sample> SimulatedSamples(uint64_t seed, uint64_t train, uint64_t test);
// As NDJSON.
std::string BulkBody(const std::vector<format::Sample>& samples, size_t begin, size_t end);

}  // namespace perennial::hub
