// Does the model need both modalities, and does it do without one? Three models on the same stream, same steps: image
// and text, image only, text only; evaluated on the test part, and the first one also with one of its inputs hidden.
#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "api/bench/bench.h"
#include "serving/model/instant_head.h"
#include "serving/model/quantise.h"
#include "storage/base/env.h"
#include "storage/base/rng.h"
#include "storage/kv/kv_store.h"
#include "storage/samples/sample_log.h"
#include "storage/sources/simulator.h"
#include "storage/sources/source.h"
#include "trainer/evaluator.h"
#include "trainer/online_trainer.h"

namespace perennial::bench {
namespace {

using trainer::Evaluator;

enum class Modality : uint8_t { kBoth, kImageOnly, kTextOnly };
constexpr const char* kModalityNames[] = {"both", "image_only", "text_only"};

struct Dataset {
  std::vector<format::Sample> train;
  std::vector<format::Sample> test;
};

Result<Dataset> Load(const BenchOptions& options) {
  std::unique_ptr<sources::Source> source;
  if (options.data.empty()) {
    sources::SimulatorOptions simulator;
    simulator.seed = options.seed;
    simulator.train_per_slice = 4000;
    simulator.test_per_slice = 400;
    PERENNIAL_ASSIGN_OR_RETURN(source, sources::OpenSimulator(simulator));
  } else {
    PERENNIAL_ASSIGN_OR_RETURN(source, sources::OpenSource(options.data, sources::SourceOptions{}));
  }
  Dataset data;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(std::optional<sources::Item> item, source->Next());
    if (!item) break;
    if (!item->sample.ok()) continue;  // a bad item is the reader's affair
    format::Sample& sample = *item->sample;
    if (!sample.label || sample.image.empty() || sample.text.empty()) continue;
    (sample.part == format::Part::kTest ? data.test : data.train).push_back(std::move(sample));
  }
  if (data.train.empty() || data.test.empty()) {
    return InvalidArgument(options.data + ": needs labelled samples with image and text in a training and a test part",
                           "use a data set such as easy_vqa, or leave --data out for generated data");
  }
  // All slices mixed: this is about modalities, not about forgetting.
  Rng rng(options.seed);
  for (size_t i = data.train.size() - 1; i > 0; --i) std::swap(data.train[i], data.train[rng.Below(i + 1)]);
  if (options.quick) data.train.resize(std::max<size_t>(data.train.size() / 10, 1));
  return data;
}

format::Sample Reduce(const format::Sample& sample, Modality modality, size_t number) {
  format::Sample out = sample;
  out.source = "bench";
  out.id = (sample.part == format::Part::kTest ? "test-" : "train-") + std::to_string(number);
  // The same held-out samples for all three models: the group must not hang on what is left of a sample.
  if (out.group.empty()) out.group = std::to_string(Mix64(std::hash<std::string>{}(sample.image)));
  if (modality == Modality::kImageOnly) out.text.clear();
  if (modality == Modality::kTextOnly) out.image.clear();
  return out;
}

// One model with the log it learned from.
struct Trained {
  SystemClock clock;
  std::unique_ptr<kv::KvStore> store;
  std::unique_ptr<samples::SampleLog> log;
  format::VersionImage image;
  uint64_t steps = 0;
};

Status Feed(const std::vector<format::Sample>& samples, Modality modality, samples::SampleLog& log) {
  for (size_t begin = 0; begin < samples.size(); begin += 256) {
    std::vector<format::Sample> batch;
    for (size_t i = begin; i < std::min(samples.size(), begin + 256); ++i) {
      batch.push_back(Reduce(samples[i], modality, i));
    }
    PERENNIAL_RETURN_IF_ERROR(log.Append(std::move(batch)).status());
  }
  return Status::Ok();
}

trainer::TrainerOptions MakeOptions(const BenchOptions& options) {
  trainer::TrainerOptions out;
  out.spec = format::ModelSpec::Preset("tiny").value();
  out.spec.modality_dropout = 0.25;  // a model that shall do well with either one alone must see each alone often
  out.seed = options.seed;
  out.new_per_step = 32;
  out.replay_per_step = 64;
  out.checkpoint_every_steps = 1'000'000;  // nothing to resume
  return out;
}

Result<std::unique_ptr<Trained>> Train(const Dataset& data, Modality modality, const BenchOptions& options) {
  auto trained = std::make_unique<Trained>();
  std::vector<std::string> families = samples::SampleLog::Families();
  for (const std::string& family : trainer::OnlineTrainer::Families()) families.push_back(family);
  trained->store = kv::OpenMemory(families);
  samples::SampleLogOptions log_options;
  log_options.held_out_share = 0.03;  // chooses between student and average; the test part only reports
  PERENNIAL_ASSIGN_OR_RETURN(trained->log, samples::SampleLog::Open(*trained->store, log_options, trained->clock));
  PERENNIAL_RETURN_IF_ERROR(Feed(data.test, modality, *trained->log));
  PERENNIAL_RETURN_IF_ERROR(Feed(data.train, modality, *trained->log));
  PERENNIAL_RETURN_IF_ERROR(trained->log->AppendFlush().status());

  PERENNIAL_ASSIGN_OR_RETURN(const auto online, trainer::OnlineTrainer::Open(MakeOptions(options), *trained->log,
                                                                             *trained->store, trained->clock));
  const SteadyTime began = SystemClock().Now();
  while (online->GetStatus().cursor < trained->log->End()) {
    PERENNIAL_RETURN_IF_ERROR(online->Step(SystemClock().In(std::chrono::seconds(30))).status());
    if (const auto status = online->GetStatus(); status.steps % 200 == 0) {
      std::fprintf(stderr, "%s: %llu steps, loss %.3f\n", kModalityNames[static_cast<size_t>(modality)],
                   static_cast<unsigned long long>(status.steps), status.loss);
    }
  }
  PERENNIAL_ASSIGN_OR_RETURN(trainer::Candidate candidate, online->MakeCandidate(nullptr, 1, 0));
  std::fprintf(stderr, "%s: trained in %.0f s\n", kModalityNames[static_cast<size_t>(modality)],
               std::chrono::duration<double>(SystemClock().Now() - began).count());
  trained->image = std::move(candidate.image);
  trained->steps = online->GetStatus().steps;
  return trained;
}

// Writes one line per prediction; without a folder it writes nothing.
class Dump {
 public:
  static Result<std::unique_ptr<Dump>> Open(const std::string& folder) {
    auto dump = std::make_unique<Dump>();
    if (folder.empty()) return dump;
    PERENNIAL_RETURN_IF_ERROR(Env::Posix().CreateDirectories(folder));
    const std::string path = (std::filesystem::path(folder) / "modalities.jsonl").string();
    dump->out_.open(path, std::ios::trunc);
    if (!dump->out_) return IoError("cannot write " + path);
    return dump;
  }
  void Line(const nlohmann::json& record) {
    if (out_.is_open()) out_ << record.dump() << "\n";
  }

 private:
  std::ofstream out_;
};

// Balanced accuracy on the test part (classes weighted equally), mean over slices.
Result<double> Evaluate(const Trained& trained, Evaluator::Hide hide, const std::string& name, Dump& dump) {
  Evaluator evaluator(*trained.log, {});
  PERENNIAL_ASSIGN_OR_RETURN(const auto model, model::Instantiate(trained.image, torch::kCPU));
  std::shared_ptr<const model::InstantHead> head;
  if (trained.image.instant) {
    PERENNIAL_ASSIGN_OR_RETURN(head, model::InstantHead::FromImage(trained.image));
  }
  double sum = 0;
  for (const std::string& slice : trained.image.slices) {
    PERENNIAL_ASSIGN_OR_RETURN(const auto offsets,
                               trained.log->HeldOutOffsets(slice, samples::SampleLog::HeldOut::kTestPart));
    Evaluator::Predictions predictions;
    PERENNIAL_RETURN_IF_ERROR(evaluator.Predict(*model, offsets, hide, predictions, head.get()));
    PERENNIAL_ASSIGN_OR_RETURN(const auto score, evaluator.ScoreOf(offsets, predictions, trained.image.labels));
    sum += score.balanced_accuracy;
    for (const Offset offset : offsets) {
      PERENNIAL_ASSIGN_OR_RETURN(const std::string truth, evaluator.TrueLabel(offset));
      const auto answer = static_cast<size_t>(predictions[offset.value]);
      dump.Line({{"time", SystemClock().WallMicros()},
                 {"id", offset.value},
                 {"version", name},
                 {"slice", slice},
                 {"predicted", trained.image.labels.at(answer)},
                 {"true", truth}});
    }
  }
  return sum / static_cast<double>(trained.image.slices.size());
}

}  // namespace

Result<std::string> RunModalities(const BenchOptions& options) {
  at::set_num_threads(1);
  PERENNIAL_ASSIGN_OR_RETURN(const Dataset data, Load(options));
  PERENNIAL_ASSIGN_OR_RETURN(const auto dump, Dump::Open(options.dump));
  std::fprintf(stderr, "%zu training and %zu test samples\n", data.train.size(), data.test.size());
  std::array<double, 3> accuracy{};
  double both_given_image = 0, both_given_text = 0;
  uint64_t steps = 0;
  for (const Modality modality : {Modality::kBoth, Modality::kImageOnly, Modality::kTextOnly}) {
    const auto index = static_cast<size_t>(modality);
    PERENNIAL_ASSIGN_OR_RETURN(const auto trained, Train(data, modality, options));
    PERENNIAL_ASSIGN_OR_RETURN(accuracy[index],
                               Evaluate(*trained, Evaluator::Hide::kNothing, kModalityNames[index], *dump));
    if (modality != Modality::kBoth) continue;
    steps = trained->steps;
    PERENNIAL_ASSIGN_OR_RETURN(both_given_image,
                               Evaluate(*trained, Evaluator::Hide::kText, "both_given_image_only", *dump));
    PERENNIAL_ASSIGN_OR_RETURN(both_given_text,
                               Evaluate(*trained, Evaluator::Hide::kImage, "both_given_text_only", *dump));
  }
  const auto [both, image_only, text_only] = accuracy;
  nlohmann::json out;
  out["balanced_accuracy_both"] = both;
  out["balanced_accuracy_image_only"] = image_only;
  out["balanced_accuracy_text_only"] = text_only;
  out["both_given_image_only"] = both_given_image;
  out["both_given_text_only"] = both_given_text;
  out["gain_over_image"] = both - image_only;
  out["gain_over_text"] = both - text_only;
  out["loss_image"] = image_only - both_given_image;
  out["loss_text"] = text_only - both_given_text;
  out["training_samples"] = data.train.size();
  out["test_samples"] = data.test.size();
  out["steps"] = steps;
  return out.dump();
}

}  // namespace perennial::bench
