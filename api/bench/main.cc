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

constexpr std::array<Benchmark, 8> kBenchmarks = {{
    {"ingest", "validated, deduplicated, synced samples a second against raw RocksDB writes", RunIngestWithHttp},
    {"train", "the whole online loop against bare steps on tensors in memory", RunTrain},
    {"gpu-train", "online training of a ResNet-18 on a GPU, step by step and as a recorded graph", RunGpuTrain},
    {"modalities", "accuracy with both modalities against image only and text only", RunModalities},
    {"replay", "the replay memory: durable against in memory, draws against memcpy, inserts at ten million", RunReplay},
    {"swap", "request latency while versions are swapped against steady serving", RunSwap},
    {"canary-smoke", "a validly signed bad version is rolled back on both edges by itself", RunCanarySmoke},
    {"new-class", "a label nobody has seen: from its twentieth sample to an edge that answers with it", RunNewClass},
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
  const auto add = [&](const char* name, auto& value, const char* help) { group->add_option(name, value, help); };
  add("--dataset", options.dataset, "auto, idx, folder, tar, easy_vqa, xsdd or vqa_rad");
  add("--protocol", options.protocol, "split, rotated, permuted, blurry, longtail, slices or shuffled");
  add("--strategy", options.strategy,
      "A strategy of the trainer (default, er, er_ace, naive, ...), instant (default with the instant head) or joint");
  add("--instant-width", options.instant_width,
      "Features of the instant head (default for strategy instant: 2000, or what fits in a third of --buffer-bytes)");
  add("--network", options.network, "mlp, compact, or another preset");
  add("--buffer", options.buffer, "Samples of the replay memory");
  add("--buffer-bytes", options.buffer_bytes,
      "Bytes of all that remembers data, the instant head's too, instead of samples");
  add("--policy", options.policy, "reservoir, class_balanced or herding (default: class_balanced for default and max)");
  add("--augment", options.augment, "on or off (default: on for default and max)");
  add("--payload", options.payload, "How remembered pictures are kept: as_sent, raw, deflate or jpeg");
  add("--learning-rate", options.learning_rate, "0: the network's recipe, or 0.05 for a comparison on mlp");
  add("--max-gradient-norm", options.max_gradient_norm, "Longest gradient, 0: any (default: the network's recipe)");
  add("--steps-per-batch", options.steps_per_batch,
      "Fewest optimiser steps on a batch (default: the network's recipe)");
  add("--most-steps-per-batch", options.most_steps_per_batch, "Most steps, on a batch of new labels");
  add("--label-samples", options.label_samples, "A label's n-th sample asks for this over n steps; 0: the fewest");
  add("--seeds", options.seeds, "Runs with the seeds --seed, --seed + 1, ...");
  add("--classes-per-task", options.classes_per_task, "Of split, blurry, longtail and shuffled");
  add("--tasks", options.tasks, "Of rotated (default 20) and permuted (default 10)");
  add("--samples-per-task", options.samples_per_task, "Of rotated and permuted; 0: all training data in each");
  add("--blur", options.blur, "Of blurry: share of a task's samples that its neighbours' take the place of");
  add("--label-noise", options.label_noise, "Share of training labels replaced by another class");
  add("--saboteur", options.saboteur, "The same within the twentieth in the middle of the stream");
  add("--sources", options.sources, "Senders that the training samples are spread over, by group; 1: the data's own");
  add("--poison-share", options.poison_share,
      "Share of the training samples that a source of its own sends again, with wrong labels");
  add("--duplicate-source", options.duplicate_source,
      "Times that the first of --sources sends each of its samples, one after the other");
  add("--source-share", options.source_share, "Largest share of the memory that is of one source; 0: no limit");
  add("--source-batch-share", options.source_batch_share,
      "Largest share of a batch's new and of a step's replayed samples that is of one source; 0: no limit");
  add("--held-out", options.held_out, "Share of the training groups for the gate, about 1,000 samples of a slice");
  add("--test-share", options.test_share, "Share of the groups that is the test part, for data without one");
  add("--fold", options.fold, "Test fold of data in folds (default: another one for every seed)");
  add("--versions", options.versions, "Candidates over the stream; 0: one in 500 samples, 25 to 64");
  add("--exam", options.exam,
      "Test samples of a slice that each version is asked (0: 100 to 1,000); the end is on all of them");
  group->add_flag("--validate", options.validate, "Score on a tenth of the training data instead of the test part");
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
  app.add_option("name", name,
                 "ingest, train, gpu-train, modalities, replay, swap, canary-smoke, new-class or continual")
      ->required();
  app.add_option("--data", options.data, "Data set folder (default: generated data)");
  app.add_option("--dump", options.dump, "Folder for raw records, one JSON line each");
  app.add_option("--device", options.device, "Of gpu-train: cuda or cpu");
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
    continual.seed = options.seed;
    continual.quick = options.quick;
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
