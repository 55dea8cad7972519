// Learning without forgetting on any labelled data set: one pass over a stream that changes, evaluated as it would
// ship.
#include <ATen/Parallel.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "api/bench/continual_options.h"
#include "api/bench/continual_run.h"
#include "api/bench/continual_stream.h"
#include "storage/base/config.h"
#include "storage/base/env.h"
#include "storage/base/hash.h"
#include "trainer/strategy.h"

namespace perennial::bench {
namespace {

using Json = nlohmann::ordered_json;

Status OneOf(const char* what, const std::string& value, const std::vector<std::string>& known) {
  if (std::find(known.begin(), known.end(), value) != known.end()) return Status::Ok();
  std::string listed;
  for (const std::string& one : known) listed += (listed.empty() ? "" : ", ") + one;
  const std::string closest = ClosestWord(value, known);
  return InvalidArgument(std::string(what) + " \"" + value + "\" is unknown; there are " + listed,
                         closest.empty() ? std::string() : "did you mean \"" + closest + "\"?");
}

// Everything that decides the figures, besides the data's bytes and the build.
std::string ConfigOf(const ContinualOptions& options) {
  return "--protocol " + options.protocol + " --strategy " + options.strategy + " --network " + options.network +
         " --buffer " + std::to_string(options.buffer) + " --seeds " + std::to_string(options.seeds) +
         " --classes-per-task " + std::to_string(options.classes_per_task) + " --versions " +
         std::to_string(options.versions) + (options.validate ? " --validate" : "");
}

void AddMean(Json& out, const std::string& key, const std::vector<double>& values) {
  double mean = 0, squares = 0;
  for (const double value : values) mean += value / static_cast<double>(values.size());
  for (const double value : values) squares += (value - mean) * (value - mean);
  if (!std::isfinite(mean)) {
    out[key] = nullptr;  // there is no such figure for this protocol
    return;
  }
  out[key] = mean;
  out[key + "_std"] = values.size() < 2 ? 0.0 : std::sqrt(squares / static_cast<double>(values.size() - 1));
}

uint64_t PeakRssBytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

Json Summarise(const std::vector<ContinualFigures>& seeds, const ContinualOptions& options) {
  Json out;
  const auto mean = [&](const char* key, auto field) {
    std::vector<double> values;
    for (const ContinualFigures& one : seeds) values.push_back(static_cast<double>(one.*field));
    AddMean(out, key, values);
  };
  mean("average_accuracy", &ContinualFigures::average_accuracy);
  mean("network_accuracy", &ContinualFigures::network_accuracy);
  mean("balanced_accuracy", &ContinualFigures::balanced_accuracy);
  mean("anytime_accuracy", &ContinualFigures::anytime_accuracy);
  mean("worst_old_accuracy", &ContinualFigures::worst_old_accuracy);
  mean("forgetting", &ContinualFigures::forgetting);
  mean("backward_transfer", &ContinualFigures::backward_transfer);
  Json per_slice;
  for (const auto& [slice, accuracy] : seeds.front().per_slice) {
    double sum = 0;
    for (const ContinualFigures& one : seeds) sum += one.per_slice.at(slice);
    per_slice[slice] = sum / static_cast<double>(seeds.size());
  }
  out["per_slice"] = per_slice;
  mean("versions_published", &ContinualFigures::versions_published);
  mean("refused_candidates", &ContinualFigures::refused);
  mean("train_s", &ContinualFigures::train_s);
  mean("samples_per_s", &ContinualFigures::samples_per_s);
  mean("buffer_bytes", &ContinualFigures::buffer_bytes);
  out["peak_rss_bytes"] = PeakRssBytes();
  out["seeds"] = options.seeds;
  out["config_hash"] = Sha256(ConfigOf(options)).Hex();
  out["command"] = "perennial bench continual --data " + options.data + " " + ConfigOf(options) + " --json";
  return out;
}

}  // namespace

Status ContinualOptions::Validate() const {
  if (data.empty()) return InvalidArgument("--data is missing", "name a data set, such as a folder of idx files");
  PERENNIAL_RETURN_IF_ERROR(OneOf("protocol", protocol, {"split", "shuffled", "slices"}));
  PERENNIAL_RETURN_IF_ERROR(OneOf("network", network, {"mlp", "compact"}));
  std::vector<std::string> strategies = trainer::StrategyNames();
  strategies.emplace_back("joint");
  PERENNIAL_RETURN_IF_ERROR(OneOf("strategy", strategy, strategies));
  if (seeds == 0 || buffer == 0 || classes_per_task == 0 || versions == 0) {
    return InvalidArgument("--seeds, --buffer, --classes-per-task and --versions must be at least 1");
  }
  return Status::Ok();
}

Result<std::string> RunContinual(const ContinualOptions& options) {
  PERENNIAL_RETURN_IF_ERROR(options.Validate());
  at::set_num_threads(1);
  std::string dump;
  if (!options.dump.empty()) {
    PERENNIAL_RETURN_IF_ERROR(Env::Posix().CreateDirectories(options.dump));
    dump = (std::filesystem::path(options.dump) / "continual.jsonl").string();
    std::filesystem::remove(dump);
  }
  PERENNIAL_ASSIGN_OR_RETURN(const LabelledData data, LoadLabelled(options.data));
  std::fprintf(stderr, "%zu training and %zu test samples\n", data.train.size(), data.test.size());
  std::vector<ContinualFigures> figures;
  for (uint64_t seed = 1; seed <= options.seeds; ++seed) {
    PERENNIAL_ASSIGN_OR_RETURN(const ContinualStream stream, MakeStream(data, options, seed));
    PERENNIAL_ASSIGN_OR_RETURN(ContinualFigures one, RunSeed(stream, options, seed, dump));
    std::fprintf(stderr, "seed %llu: network %.4f served %.4f worst old %.4f, %.0f s of training\n",
                 static_cast<unsigned long long>(seed), one.network_accuracy, one.average_accuracy,
                 one.worst_old_accuracy, one.train_s);
    figures.push_back(std::move(one));
  }
  return Summarise(figures, options).dump();
}

}  // namespace perennial::bench
