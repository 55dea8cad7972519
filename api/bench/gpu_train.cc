// Online training of a ResNet-18 at 32x32, 10 new and 64 replayed pictures a step with EMA-teacher distillation: the
// real trainer on a log on disk, as one looks at each step's loss (host), and as a recorded graph at each precision.
// What plain Python does on the same batches from the same weights, scripts/gpu_reference.py measures
// (scripts/gpu_bench.sh).
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "api/bench/bench.h"
#include "api/bench/gpu_train_dump.h"
#include "storage/base/env.h"
#include "storage/base/rng.h"
#include "storage/kv/kv_store.h"
#include "storage/media/image.h"
#include "storage/samples/sample_log.h"
#include "trainer/online_trainer.h"

namespace perennial::bench {
namespace {

constexpr int kSide = 32;
constexpr uint64_t kClasses = 10;
constexpr uint64_t kDumpedSteps = 300;

struct Mode {
  const char* name;
  const char* step;
  const char* precision;
  uint64_t rounds, steps_per_round;
};
constexpr Mode kCudaModes[] = {{"eager_tf32", "host", "tf32", 3, 60},
                               {"graph_float32", "graph", "float32", 3, 100},
                               {"graph_tf32", "graph", "tf32", 5, 200},
                               {"graph_bfloat16", "graph", "bfloat16", 5, 200}};
constexpr Mode kCpuModes[] = {{"host", "host", "float32", 2, 2}, {"device", "device", "float32", 2, 2}};

struct Plan {
  std::vector<Mode> modes;
  uint64_t warm_up = 320;  // the memory is full, the teacher teaches, graphs are recorded
  uint64_t Steps() const {
    uint64_t most = 0;
    for (const Mode& mode : modes) most = std::max(most, mode.rounds * mode.steps_per_round);
    return warm_up + most;
  }
};

Plan MakePlan(const BenchOptions& options) {
  Plan plan;
  if (options.device == "cpu") {
    plan.modes.assign(std::begin(kCpuModes), std::end(kCpuModes));
    plan.warm_up = options.quick ? 2 : 10;
    return plan;
  }
  plan.modes.assign(std::begin(kCudaModes), std::end(kCudaModes));
  if (options.quick) {
    for (Mode& mode : plan.modes) mode.rounds = 1;
  }
  return plan;
}

// Stripes whose direction and width tell the class, of any phase and colour, under noise.
Result<format::Sample> MakeSample(uint64_t seed, uint64_t number) {
  Rng rng(seed, number);
  const uint64_t label = number % kClasses;
  const double angle = static_cast<double>(label % 5) * 0.628 + rng.Uniform(-0.1, 0.1);
  const double frequency = label < 5 ? 0.5 : 1.0;
  const double phase = rng.Uniform(0, 6.283);
  const double tint[3] = {rng.Uniform(20, 60), rng.Uniform(20, 60), rng.Uniform(20, 60)};
  media::Image image{kSide, kSide, {}};
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      const double wave = std::sin((x * std::cos(angle) + y * std::sin(angle)) * frequency + phase);
      for (const double strength : tint) {
        const double value = 128 + strength * wave + rng.Uniform(-60, 60);
        image.pixels.push_back(static_cast<uint8_t>(std::clamp(value, 0.0, 255.0)));
      }
    }
  }
  format::Sample sample;
  PERENNIAL_ASSIGN_OR_RETURN(sample.image, media::EncodePng(image));
  sample.label = "class " + std::to_string(label);
  sample.source = "bench";
  sample.id = std::to_string(number);
  sample.slice = "stripes";
  return sample;
}

Status FeedLog(samples::SampleLog& log, uint64_t count, uint64_t seed) {
  std::vector<format::Sample> batch;
  for (uint64_t number = 0; number < count; ++number) {
    PERENNIAL_ASSIGN_OR_RETURN(format::Sample sample, MakeSample(seed, number));
    batch.push_back(std::move(sample));
    if (batch.size() < 256 && number + 1 < count) continue;
    PERENNIAL_RETURN_IF_ERROR(log.Append(std::exchange(batch, {})).status());
  }
  return Status::Ok();
}

trainer::TrainerOptions MakeOptions(const BenchOptions& options, const Mode& mode) {
  trainer::TrainerOptions out;
  out.UseRecipeOf(format::ModelSpec::Preset("resnet18").value());
  out.name = mode.name;
  out.strategy = "default";
  out.replay.capacity = 1000;
  out.seed = options.seed;
  out.device = options.device;
  out.step = mode.step;
  out.precision = mode.precision;
  out.decode_threads = 2;
  out.checkpoint_every_steps = 1'000'000;  // timed apart
  return out;
}

double SecondsSince(SteadyTime begin) { return std::chrono::duration<double>(SystemClock().Now() - begin).count(); }

Status Steps(trainer::OnlineTrainer& online, uint64_t count) {
  for (uint64_t done = 0; done < count; ++done) {
    PERENNIAL_ASSIGN_OR_RETURN(const auto outcome, online.Step(SystemClock().In(std::chrono::seconds(30))));
    if (outcome != trainer::OnlineTrainer::StepOutcome::kStepped)
      return DeadlineExceeded("the trainer ran out of data");
  }
  return Status::Ok();
}

class GpuTrain {
 public:
  GpuTrain(const BenchOptions& options, Plan plan) : options_(options), plan_(std::move(plan)) {}

  Result<nlohmann::json> Run() {
    PERENNIAL_ASSIGN_OR_RETURN(const TemporaryFolder folder, TemporaryFolder::Make("perennial-bench-gpu"));
    kv::KvOptions kv_options;
    kv_options.path = folder.path();
    kv_options.families = samples::SampleLog::Families();
    for (const std::string& family : trainer::OnlineTrainer::Families()) kv_options.families.push_back(family);
    PERENNIAL_ASSIGN_OR_RETURN(store_, kv::OpenRocks(kv_options));
    samples::SampleLogOptions log_options;
    log_options.held_out_share = 0;  // evaluation is not part of this
    PERENNIAL_ASSIGN_OR_RETURN(log_, samples::SampleLog::Open(*store_, log_options, clock_));
    const uint64_t samples = (plan_.Steps() + 1) * 10;
    std::fprintf(stderr, "feeding %llu generated pictures\n", static_cast<unsigned long long>(samples));
    PERENNIAL_RETURN_IF_ERROR(FeedLog(*log_, samples, options_.seed));
    nlohmann::json modes;
    for (const Mode& mode : plan_.modes) {
      PERENNIAL_ASSIGN_OR_RETURN(modes[mode.name], RunMode(mode));
      std::fprintf(stderr, "%s: %s\n", mode.name, modes[mode.name].dump().c_str());
    }
    log_.reset();
    store_.reset();
    return modes;
  }

 private:
  Result<nlohmann::json> RunMode(const Mode& mode) {
    trainer::TrainerOptions options = MakeOptions(options_, mode);
    std::vector<double> losses;
    options.on_loss = [&](uint64_t, double loss) { losses.push_back(loss); };
    std::unique_ptr<BatchDump> dump;
    if (!options_.dump.empty() && !dumped_) {
      PERENNIAL_ASSIGN_OR_RETURN(dump, BatchDump::Open(options_.dump, kDumpedSteps));
      PERENNIAL_RETURN_IF_ERROR(dump->WriteWeights(options, kClasses));
      options.make_strategy = dump->Maker();
      dumped_ = true;
    }
    PERENNIAL_ASSIGN_OR_RETURN(const auto online, trainer::OnlineTrainer::Open(options, *log_, *store_, clock_));
    PERENNIAL_RETURN_IF_ERROR(Steps(*online, plan_.warm_up));
    std::vector<double> per_second;
    for (uint64_t round = 0; round < mode.rounds; ++round) {
      const SteadyTime begin = SystemClock().Now();
      PERENNIAL_RETURN_IF_ERROR(Steps(*online, mode.steps_per_round));
      per_second.push_back(static_cast<double>(mode.steps_per_round) / SecondsSince(begin));
    }
    const SteadyTime begin = SystemClock().Now();
    PERENNIAL_RETURN_IF_ERROR(online->Checkpoint());
    const double checkpoint_s = SecondsSince(begin);
    if (!options_.dump.empty()) {
      std::ofstream(options_.dump + "/loss_" + mode.name + ".json") << nlohmann::json(losses).dump();
    }
    std::sort(per_second.begin(), per_second.end());
    return nlohmann::json{{"steps_per_s", per_second[per_second.size() / 2]},
                          {"rounds", per_second},
                          {"checkpoint_s", checkpoint_s},
                          {"loss_at_end", online->GetStatus().loss},
                          {"skipped_steps", online->GetStatus().skipped_steps}};
  }

  const BenchOptions& options_;
  const Plan plan_;
  SystemClock clock_;
  std::unique_ptr<kv::KvStore> store_;
  std::unique_ptr<samples::SampleLog> log_;
  bool dumped_ = false;
};

}  // namespace

Result<std::string> RunGpuTrain(const BenchOptions& options) {
  if (options.device != "cpu" && !torch::cuda::is_available()) {
    return FailedPrecondition("gpu-train: LibTorch finds no CUDA device",
                              "run it on a GPU machine, or with --device cpu to see that it works (it is slow there)");
  }
  PERENNIAL_ASSIGN_OR_RETURN(const nlohmann::json modes, GpuTrain(options, MakePlan(options)).Run());
  nlohmann::json out;
  out["device"] = options.device;
  out["new_per_step"] = 10;
  out["replay_per_step"] = 64;
  out["network"] = "resnet18";
  out["modes"] = modes;
  if (options.device != "cpu") {
    out["eager_cpp_steps_per_s"] = modes["eager_tf32"]["steps_per_s"];
    out["steps_per_s"] = modes["graph_bfloat16"]["steps_per_s"];
  }
  return out.dump();
}

}  // namespace perennial::bench
