#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api/bench/bench.h"
#include "api/bench/continual_options.h"
#include "storage/base/config.h"
#include "storage/base/log.h"

namespace perennial::bench {
namespace {

// The in-process ingest benchmark with the HTTP figure beside it.
Result<std::string> RunIngestWithHttp(const BenchOptions& options) {
  PERENNIAL_ASSIGN_OR_RETURN(const std::string text, RunIngest(options));
  auto figures = nlohmann::ordered_json::parse(text, nullptr, false);
  if (!figures.is_object()) return Internal("ingest benchmark returned " + text);
  PERENNIAL_ASSIGN_OR_RETURN(const double per_second, HttpBulkPerSecond(options));
  figures["http_bulk_per_s"] = per_second;
  return figures.dump();
}

constexpr std::array<Benchmark, 6> kBenchmarks = {{
    {"ingest", "validated, deduplicated, synced samples a second against raw RocksDB writes", RunIngestWithHttp},
    {"train", "the whole online loop against bare steps on tensors in memory", RunTrain},
    {"modalities", "accuracy with both modalities against image only and text only", RunModalities},
    {"replay", "the replay memory: durable against in memory, draws against memcpy, inserts at ten million", RunReplay},
    {"swap", "request latency while versions are swapped against steady serving", RunSwap},
    {"canary-smoke", "a validly signed bad version is rolled back on both edges by itself", RunCanarySmoke},
}};

constexpr const char* kContinual = "continual";

int Unknown(const std::string& name) {
  std::vector<std::string> names;
  for (const Benchmark& benchmark : kBenchmarks) names.emplace_back(benchmark.name);
  names.emplace_back(kContinual);
  const std::string closest = ClosestWord(name, names);
  std::fprintf(stderr, "perennial bench: unknown benchmark '%s'%s\n", name.c_str(),
               closest.empty() ? "" : (", did you mean '" + closest + "'?").c_str());
  for (const Benchmark& benchmark : kBenchmarks)
    std::fprintf(stderr, "  %-14s %s\n", benchmark.name, benchmark.summary);
  std::fprintf(stderr, "  %-14s %s\n", kContinual, "accuracy and forgetting over a changing stream");
  return 2;
}

void BindContinual(CLI::App& app, ContinualOptions& options) {
  CLI::Option_group* group = app.add_option_group("continual");
  group->add_option("--protocol", options.protocol, "split, shuffled or slices");
  group->add_option("--strategy", options.strategy, "default, er, er_ace, naive or joint");
  group->add_option("--network", options.network, "mlp or compact");
  group->add_option("--buffer", options.buffer, "Samples of the replay memory");
  group->add_option("--seeds", options.seeds, "Runs with the seeds 1, 2, ...");
  group->add_option("--classes-per-task", options.classes_per_task, "Of the split protocol");
  group->add_flag("--validate", options.validate, "Score on a tenth of the training data instead of the test part");
  group->add_option("--versions", options.versions, "Candidate versions over the stream");
}

void PrintForPeople(const std::string& json_text) {
  const auto figures = nlohmann::ordered_json::parse(json_text, nullptr, false);
  for (const auto& [key, value] : figures.items()) std::printf("%-28s %s\n", key.c_str(), value.dump().c_str());
}

int Main(int argc, char** argv) {
  BenchOptions options;
  std::string name;
  bool json = false;
  bool verbose = false;
  CLI::App app{"Benchmarks with their baseline in the same run."};
  app.name("perennial bench");
  ContinualOptions continual;
  app.add_option("name", name, "ingest, train, modalities, replay, swap, canary-smoke or continual")->required();
  app.add_option("--data", options.data, "Data set folder (default: generated data)");
  app.add_option("--dump", options.dump, "Folder for raw records, one JSON line each");
  app.add_option("--seed", options.seed, "Seed of data and training");
  app.add_flag("--quick", options.quick, "A tenth of the work; figures not to be quoted");
  app.add_flag("--json", json, "One JSON object on standard output");
  app.add_flag("--verbose", verbose, "Log what the components do");
  BindContinual(app, continual);
  CLI11_PARSE(app, argc, argv);
  log::Configure(verbose ? log::Level::kInfo : log::Level::kWarn, false);
  const auto report = [&](const Result<std::string>& figures) {
    if (!figures.ok()) {
      std::fprintf(stderr, "perennial bench %s: %s\n", name.c_str(), figures.status().ToString().c_str());
      return 1;
    }
    if (json)
      std::printf("%s\n", figures->c_str());
    else
      PrintForPeople(*figures);
    return 0;
  };
  if (name == kContinual) {
    continual.data = options.data;
    continual.dump = options.dump;
    return report(RunContinual(continual));
  }
  for (const Benchmark& benchmark : kBenchmarks) {
    if (name == benchmark.name) return report(benchmark.run(options));
  }
  return Unknown(name);
}

}  // namespace
}  // namespace perennial::bench

int main(int argc, char** argv) { return perennial::bench::Main(argc, argv); }
