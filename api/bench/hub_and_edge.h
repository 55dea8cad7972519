#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/process/child_process.h"
#include "serving/http/client.h"
#include "storage/base/clock.h"
#include "storage/base/env.h"
#include "storage/base/status.h"
#include "storage/format/sample.h"

namespace perennial::bench {

struct EdgeAnswer {
  std::string label;
  uint64_t version = 0;
};

// A real hub and a real edge, as processes. Thread-compatible.
class HubAndEdge {
 public:
  // `arguments` are the hub's, beyond folders and addresses. Logs go to `logs` where it is given.
  static Result<std::unique_ptr<HubAndEdge>> Start(std::vector<std::string> arguments, const std::string& logs);

  // One bulk request; returns when all of it is acknowledged. kInternal when a sample was not taken.
  Status Feed(const std::vector<format::Sample>& samples);
  // Ends the batch, then asks the edge about `tests` (a trial wants requests) until all that was fed is trained on, no
  // trial runs and the edge answers with the newest version.
  Status FlushAndSettle(const std::vector<format::Sample>& tests, Duration timeout);
  Result<EdgeAnswer> Ask(const format::Sample& sample);
  // What an edge that holds the version before downloads for this one.
  Result<uint64_t> DeltaBytes(uint64_t version);
  // Whether it is the stable one and none is on trial.
  Result<bool> IsNewest(uint64_t version);

 private:
  // Log entries that were not read, or wait for a full batch.
  Result<uint64_t> Backlog();
  explicit HubAndEdge(TemporaryFolder folder) : folder_(std::move(folder)) {}
  Status StartHub(const std::string& programs, std::vector<std::string> arguments, const std::string& logs);
  Status StartEdge(const std::string& programs, const std::string& logs);
  Result<std::string> GetBody(const std::string& path);

  TemporaryFolder folder_;
  std::string announce_, bulk_;
  std::unique_ptr<process::ChildProcess> hub_, edge_;
  std::unique_ptr<http::Client> hub_client_, edge_client_;
};

}  // namespace perennial::bench
