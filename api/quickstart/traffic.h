#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "api/quickstart/dataset.h"
#include "api/quickstart/feeder.h"
#include "serving/http/client.h"
#include "storage/base/rng.h"
#include "storage/base/status.h"

namespace perennial::quickstart {

// One request to an edge and what came of it.
struct RequestRecord {
  double time_s = 0;          // since the run began
  double latency_ms = 0;
  std::string id;             // of the answer
  size_t edge = 0;
  size_t slice = 0;
  size_t sample = 0;          // index in the slice's test part
  uint64_t version = 0;       // as the answer's body says
  uint64_t header_version = 0;  // as its header says
  bool trial = false;
  bool ok = false;
  double confidence = 0;
  std::string predicted;
  std::string error;
};

// Asks one edge about one sample of a test part. Thread-compatible.
class EdgeClient {
 public:
  static Result<EdgeClient> Make(const std::string& url, size_t edge);
  // Transport failures and HTTP errors come back in the record.
  RequestRecord Ask(const format::Sample& sample, const std::string& routing_key, SteadyTime began);
  // Returns the true label for an answer to the hub or edge behind `client`.
  static Status SendFeedback(http::Client& client, const std::string& path, const std::string& request_id,
                             const std::string& label);
  bool Ready();
  http::Client& http() { return *client_; }

 private:
  EdgeClient(std::unique_ptr<http::Client> client, size_t edge) : client_(std::move(client)), edge_(edge) {}
  std::unique_ptr<http::Client> client_;
  size_t edge_;
};

// Live requests to one edge, all the time, at a steady rate: samples of the test parts of the slices fed so far, with the true label sent back for a
// share of the answers (every other one through the hub). Run on one thread; `records` is read after it was joined.
class Traffic {
 public:
  Traffic(const Dataset& dataset, const Profile& profile, const FeedProgress& progress, std::string edge_url,
          std::string hub_url, size_t edge, uint64_t seed, SteadyTime began)
      : dataset_(dataset), profile_(profile), progress_(progress), edge_url_(std::move(edge_url)),
        hub_url_(std::move(hub_url)), edge_(edge), rng_(seed, edge + 1), began_(began) {}
  // Waits for the edge's first version, then asks until `stop`.
  Status Run(const std::atomic<bool>& stop);
  const std::vector<RequestRecord>& records() const { return records_; }
  std::atomic<uint64_t> requests{0};
  std::atomic<uint64_t> failed{0};

 private:
  Status One(EdgeClient& client, http::Client& hub);

  const Dataset& dataset_;
  const Profile& profile_;
  const FeedProgress& progress_;
  const std::string edge_url_;
  const std::string hub_url_;
  const size_t edge_;
  Rng rng_;
  const SteadyTime began_;
  std::vector<RequestRecord> records_;
};

}  // namespace perennial::quickstart
