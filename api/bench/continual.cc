// Learning without forgetting on any labelled data set: one pass over a stream that changes, evaluated as it would
// ship.
#include <ATen/Parallel.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <vector>

#include "api/bench/continual_answers.h"
#include "api/bench/continual_data.h"
#include "api/bench/continual_dump.h"
#include "api/bench/continual_options.h"
#include "api/bench/continual_run.h"
#include "api/bench/continual_stream.h"
#include "storage/base/config.h"
#include "storage/base/hash.h"
#include "trainer/strategy.h"

namespace perennial::bench {
namespace {

using Json = nlohmann::ordered_json;

// What a seed leaves for the summary.
struct SeedFigures {
  ContinualFigures figures;
  double train_s = 0, evaluation_s = 0, samples_per_s = 0, buffer_bytes = 0, steps = 0;
  uint64_t train_samples = 0, test_samples = 0, gate_samples = 0;
};

Status CheckStrategy(const std::string& strategy) {
  std::vector<std::string> known = trainer::StrategyNames();
  known.emplace_back("joint");
  known.emplace_back("instant");
  if (std::find(known.begin(), known.end(), strategy) != known.end()) return Status::Ok();
  std::string listed;
  for (const std::string& one : known) listed += (listed.empty() ? "" : ", ") + one;
  const std::string closest = ClosestWord(strategy, known);
  return InvalidArgument("strategy \"" + strategy + "\" is unknown; there are " + listed,
                         closest.empty() ? std::string() : "did you mean \"" + closest + "\"?");
}

// Mean and deviation (n - 1) over the seeds that have the figure; null when none has.
void AddMean(Json& out, const std::string& key, const std::vector<double>& values) {
  double sum = 0, squares = 0, count = 0;
  for (const double value : values) {
    if (std::isfinite(value)) sum += value, ++count;
  }
  if (count == 0) {
    out[key] = nullptr;
    out[key + "_std"] = nullptr;
    return;
  }
  const double mean = sum / count;
  for (const double value : values) {
    if (std::isfinite(value)) squares += (value - mean) * (value - mean);
  }
  out[key] = mean;
  out[key + "_std"] = count < 2 ? 0.0 : std::sqrt(squares / (count - 1));
}

void AddMeans(Json& out, const std::string& key, const std::vector<SeedFigures>& seeds, double SeedFigures::*field) {
  std::vector<double> values;
  for (const SeedFigures& one : seeds) values.push_back(one.*field);
  AddMean(out, key, values);
}

Json PerSlice(const std::vector<SeedFigures>& seeds, std::map<std::string, double> ContinualFigures::*field) {
  std::map<std::string, std::vector<double>> values;
  for (const SeedFigures& one : seeds) {
    for (const auto& [slice, accuracy] : one.figures.*field) values[slice].push_back(accuracy);
  }
  Json out = Json::object();
  for (const auto& [slice, list] : values) {
    Json mean;
    AddMean(mean, "mean", list);
    out[slice] = mean["mean"];
  }
  return out;
}

uint64_t PeakRssBytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

void AddFigures(Json& out, const std::vector<SeedFigures>& seeds) {
  for (const std::string& name : FigureNames()) {
    std::vector<double> values;
    for (const SeedFigures& one : seeds) {
      const auto at = one.figures.values.find(name);
      if (at != one.figures.values.end()) values.push_back(at->second);
    }
    if (values.empty()) continue;  // a baseline that this data has not
    AddMean(out, name, values);
  }
  out["per_slice"] = PerSlice(seeds, &ContinualFigures::per_slice);
  out["network_per_slice"] = PerSlice(seeds, &ContinualFigures::network_per_slice);
}

Json Summarise(const std::vector<SeedFigures>& seeds, const ContinualOptions& options, const LabelledData& data) {
  Json out;
  AddFigures(out, seeds);
  AddMeans(out, "train_s", seeds, &SeedFigures::train_s);
  AddMeans(out, "evaluation_s", seeds, &SeedFigures::evaluation_s);
  AddMeans(out, "samples_per_s", seeds, &SeedFigures::samples_per_s);
  AddMeans(out, "buffer_bytes", seeds, &SeedFigures::buffer_bytes);
  AddMeans(out, "optimiser_steps", seeds, &SeedFigures::steps);
  out["peak_rss_bytes"] = PeakRssBytes();
  out["dataset"] = options.dataset;
  out["protocol"] = options.protocol;
  out["strategy"] = options.strategy;
  out["instant_width"] = *options.instant_width;
  out["network"] = options.network;
  out["policy"] = options.policy;
  out["augment"] = options.augment;
  out["payload"] = options.payload;
  out["classes"] = data.labels.size();
  out["train_samples"] = seeds.front().train_samples;
  out["test_samples"] = seeds.front().test_samples;
  out["gate_samples"] = seeds.front().gate_samples;
  out["left_out_samples"] = data.left_out;
  out["quick"] = options.quick;
  out["seeds"] = options.seeds;
  out["first_seed"] = options.seed;
  out["config_hash"] = Sha256(options.Arguments() + "\n" + data.digest.Hex()).Hex();
  out["command"] =
      "perennial bench continual --data " + ShellQuoted(options.data) + " " + options.Arguments() + " --json";
  return out;
}

uint64_t SizeOf(const std::vector<std::vector<StreamItem>>& slices) {
  uint64_t size = 0;
  for (const auto& slice : slices) size += slice.size();
  return size;
}

Result<SeedFigures> RunOne(const LabelledData& data, const ContinualOptions& options, int side, uint64_t seed,
                           const ContinualDump& dump) {
  PERENNIAL_ASSIGN_OR_RETURN(const DataSplit split, SplitData(data, options, seed));
  PERENNIAL_ASSIGN_OR_RETURN(const ContinualStream stream, MakeStream(data, split, options, side, seed));
  SeedFigures out;
  out.train_samples = stream.TrainSize();
  out.test_samples = SizeOf(stream.tests);
  out.gate_samples = SizeOf(stream.gate);
  if (stream.dropped_tests > 0) {
    std::fprintf(stderr, "%llu test samples are left out: the training part lacks their class or slice\n",
                 static_cast<unsigned long long>(stream.dropped_tests));
  }
  PERENNIAL_ASSIGN_OR_RETURN(ContinualRecord record, RunSeed(stream, options, seed));
  if (data.has_text) record.trivial = AnswerByCounting(stream);
  PERENNIAL_RETURN_IF_ERROR(dump.AddSeed(stream, record, seed));
  out.figures = ComputeFigures(stream, record);
  out.train_s = record.train_s;
  out.evaluation_s = record.evaluation_s;
  out.samples_per_s = record.train_s > 0 ? static_cast<double>(record.samples_trained) / record.train_s : 0;
  out.buffer_bytes = static_cast<double>(record.buffer_bytes);
  out.steps = static_cast<double>(record.steps);
  const auto& values = out.figures.values;
  std::fprintf(stderr,
               "seed %llu: %llu samples in %zu slices: served %.4f network %.4f worst old %.4f, %.0f of %zu candidates "
               "published, %.0f s of training, %.0f s of evaluation\n",
               static_cast<unsigned long long>(seed), static_cast<unsigned long long>(out.train_samples),
               stream.slices.size(), values.at("average_accuracy"), values.at("network_accuracy"),
               values.at("worst_old_accuracy"), values.at("versions_published"), record.moments.size(), out.train_s,
               out.evaluation_s);
  return out;
}

Status CheckNetworkReads(const LabelledData& data, const format::ModelSpec& spec) {
  if (spec.family == "compact" || !data.has_text) return Status::Ok();
  const bool pictures = std::all_of(data.samples.begin(), data.samples.end(),
                                    [](const format::Sample& sample) { return !sample.image.empty(); });
  if (!pictures) {
    return InvalidArgument("network " + spec.size + " reads pictures only, and the data has samples without one",
                           "use --network compact");
  }
  std::fprintf(stderr, "network %s does not read the samples' texts; --network compact does\n", spec.size.c_str());
  return Status::Ok();
}

}  // namespace

Result<std::string> RunContinual(const ContinualOptions& given) {
  PERENNIAL_RETURN_IF_ERROR(given.Validate());
  PERENNIAL_RETURN_IF_ERROR(CheckStrategy(given.strategy));
  const ContinualOptions options = given.Resolved();
  at::set_num_threads(1);
  PERENNIAL_ASSIGN_OR_RETURN(const ContinualDump dump, ContinualDump::Create(options.dump));
  PERENNIAL_ASSIGN_OR_RETURN(const format::ModelSpec spec, NetworkOf(options));
  const int side = static_cast<int>(spec.image_size);
  PERENNIAL_ASSIGN_OR_RETURN(const LabelledData data, LoadLabelled(options, side));
  PERENNIAL_RETURN_IF_ERROR(CheckNetworkReads(data, spec));
  std::fprintf(stderr, "%zu labelled samples, %zu classes; policy %s, augmentation %s\n", data.samples.size(),
               data.labels.size(), options.policy.c_str(), options.augment.c_str());
  std::vector<SeedFigures> seeds;
  for (uint64_t seed = options.seed; seed < options.seed + options.seeds; ++seed) {
    PERENNIAL_ASSIGN_OR_RETURN(SeedFigures one, RunOne(data, options, side, seed, dump));
    seeds.push_back(std::move(one));
  }
  std::string figures = Summarise(seeds, options, data).dump(-1, ' ', false, Json::error_handler_t::replace);
  PERENNIAL_RETURN_IF_ERROR(dump.Finish(figures));
  return figures;
}

}  // namespace perennial::bench
