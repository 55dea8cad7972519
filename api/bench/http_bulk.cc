#include <chrono>
#include <nlohmann/json.hpp>
#include <vector>

#include "api/bench/bench.h"
#include "api/bench/inspection_samples.h"
#include "api/process/ready_line.h"
#include "serving/http/client.h"
#include "storage/base/env.h"
#include "storage/sources/source.h"

namespace perennial::bench {
namespace {

constexpr size_t kBatch = 256;

}  // namespace

Result<double> HttpBulkPerSecond(const BenchOptions& options) {
  PERENNIAL_ASSIGN_OR_RETURN(const TemporaryFolder folder, TemporaryFolder::Make("perennial-bench-http"));
  PERENNIAL_ASSIGN_OR_RETURN(const std::string programs, process::ProgramFolder());
  process::ChildOptions start;
  start.program = programs + "/perennial-hub";
  start.log_path = folder.path() + "/hub.log";
  start.arguments = {"--data",
                     folder.path() + "/hub",
                     "--keys",
                     folder.path() + "/keys",
                     "--init-keys",
                     "--http",
                     "127.0.0.1:0",
                     "--announce",
                     "tcp://127.0.0.1:*",
                     "--bulk",
                     "tcp://127.0.0.1:*",
                     "--open-loopback"};
  PERENNIAL_ASSIGN_OR_RETURN(const auto hub, process::ChildProcess::Start(start));
  PERENNIAL_ASSIGN_OR_RETURN(const process::ReadyLine ready, process::ReadReadyLine(*hub));
  PERENNIAL_ASSIGN_OR_RETURN(const auto client, http::Client::Make({ready.url, "", std::chrono::seconds(60)}));
  // Only ingest is measured: the trainer would take one of the cores.
  PERENNIAL_ASSIGN_OR_RETURN(const auto paused, client->Post("/api/v1/trainer/pause", "{}", "application/json"));
  if (paused.status != 200) return Internal("pausing the trainer answered " + paused.body);

  const size_t batches = options.quick ? 4 : 40;
  std::vector<std::string> bodies(batches);
  for (size_t i = 0; i < batches; ++i) {
    PERENNIAL_ASSIGN_OR_RETURN(const std::vector<format::Sample> samples,
                               InspectionSamples(options.seed, i * kBatch, kBatch));
    for (const format::Sample& sample : samples) bodies[i] += sources::SampleToJson(sample) + "\n";
  }
  const auto began = std::chrono::steady_clock::now();
  for (const std::string& body : bodies) {
    PERENNIAL_ASSIGN_OR_RETURN(const auto answer, client->Post("/api/v1/samples/bulk", body, "application/x-ndjson"));
    const auto items = nlohmann::json::parse(answer.body, nullptr, false);
    if (answer.status != 200 || !items.is_object() || items.value("errors", true)) {
      return Internal("bulk ingest answered " + answer.body.substr(0, 300));
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  return static_cast<double>(batches * kBatch) / took.count();
}

}  // namespace perennial::bench
