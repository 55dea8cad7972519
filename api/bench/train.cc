// What the online loop costs beside the bare mathematics: steps of a real OnlineTrainer on a log on disk (read, decode,
// augmentation, replay, step, checkpoint) against forward, backward and optimiser step on tensors in memory, in turns,
// one compute thread on both sides.
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "api/bench/bench.h"
#include "replay/replay_buffer.h"
#include "serving/model/model.h"
#include "storage/base/env.h"
#include "storage/kv/kv_store.h"
#include "storage/samples/sample_log.h"
#include "storage/sources/simulator.h"
#include "trainer/adamw.h"
#include "trainer/batch_builder.h"
#include "trainer/flat_parameters.h"
#include "trainer/label_set.h"
#include "trainer/loss.h"
#include "trainer/online_trainer.h"
#include "trainer/prefetcher.h"

namespace perennial::bench {
namespace {

constexpr uint64_t kWarmUpSteps = 50;
constexpr size_t kBareBatches = 8;

struct Plan {
  // 500 steps, one checkpoint among them; short turns, so that whatever else the machine does hits both sides alike.
  uint64_t rounds = 50;
  uint64_t steps_per_round = 10;
  uint64_t Samples(size_t per_step) const { return (rounds * steps_per_round + kWarmUpSteps + 1) * per_step; }
};

double SecondsSince(SteadyTime begin) { return std::chrono::duration<double>(SystemClock().Now() - begin).count(); }

trainer::TrainerOptions MakeOptions(const BenchOptions& options) {
  trainer::TrainerOptions out;
  out.spec = format::ModelSpec::Preset("small").value();
  out.seed = options.seed;
  out.checkpoint_every_steps = 500;
  out.decode_threads = 1;
  return out;
}

Status FeedLog(samples::SampleLog& log, uint64_t count, uint64_t seed) {
  sources::SimulatorOptions simulator;
  simulator.seed = seed;
  simulator.train_per_slice = count;
  simulator.schedule = {"base"};
  PERENNIAL_ASSIGN_OR_RETURN(auto source, sources::OpenSimulator(simulator));
  std::vector<format::Sample> batch;
  const auto append = [&]() -> Status {
    if (batch.empty()) return Status::Ok();
    return log.Append(std::exchange(batch, {})).status();
  };
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(std::optional<sources::Item> item, source->Next());
    if (!item) break;
    PERENNIAL_RETURN_IF_ERROR(item->sample.status());
    if (item->sample->part == format::Part::kTest) continue;
    batch.push_back(std::move(*item->sample));
    if (batch.size() == 256) PERENNIAL_RETURN_IF_ERROR(append());
  }
  return append();
}

// The bare side: the same network, batch size, loss and optimiser, on batches made beforehand.
class BareLoop {
 public:
  static Result<std::unique_ptr<BareLoop>> Make(const trainer::TrainerOptions& options, const samples::SampleLog& log) {
    trainer::Prefetcher::Options prefetch;
    prefetch.spec = options.spec;
    trainer::Prefetcher prefetcher(log, Offset{0}, prefetch);
    const size_t rows = options.new_per_step + options.replay_per_step;
    std::vector<trainer::Prepared> all;
    trainer::LabelSet labels;
    while (all.size() < rows * kBareBatches) {
      PERENNIAL_ASSIGN_OR_RETURN(auto item, prefetcher.Next(SystemClock().In(std::chrono::seconds(30))));
      if (!item) return DeadlineExceeded("the log gave no sample for 30 s");
      if (item->kind != trainer::Prepared::Kind::kSample) continue;
      labels.Add(item->example.label);
      all.push_back(std::move(*item));
    }
    PERENNIAL_ASSIGN_OR_RETURN(auto model, model::BuildModel(options.spec, static_cast<int64_t>(labels.size()), 1));
    std::unique_ptr<BareLoop> loop(new BareLoop(std::move(model), options));
    const trainer::BatchBuilder builder(options.spec, {}, options.seed);
    for (size_t i = 0; i < kBareBatches; ++i) {
      const auto begin = std::make_move_iterator(all.begin() + static_cast<std::ptrdiff_t>(i * rows));
      const std::vector<trainer::Prepared> part(begin, begin + static_cast<std::ptrdiff_t>(rows));
      PERENNIAL_ASSIGN_OR_RETURN(trainer::StepBatch batch, builder.Build(part, {}, labels, i));
      loop->batches_.push_back(std::move(batch));
    }
    return loop;
  }

  void Steps(uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      const trainer::StepBatch& batch = batches_[next_++ % batches_.size()];
      weights_.ZeroGradients();
      const torch::Tensor loss =
          trainer::ClassificationLoss(model_->Forward(batch.input).logits, trainer::AllRows(batch));
      loss.backward();
      optimiser_.Step(weights_, 1e-3);
    }
  }

 private:
  static trainer::AdamWOptions NoClipping(const trainer::TrainerOptions& options) {
    trainer::AdamWOptions out;
    out.weight_decay = options.weight_decay;
    out.max_gradient_norm = 0;
    return out;
  }
  BareLoop(std::shared_ptr<model::Model> model, const trainer::TrainerOptions& options)
      : model_(std::move(model)), weights_(*model_, true), optimiser_(weights_, NoClipping(options)) {
    model_->train();
  }

  const std::shared_ptr<model::Model> model_;
  trainer::FlatParameters weights_;
  trainer::AdamW optimiser_;
  std::vector<trainer::StepBatch> batches_;
  size_t next_ = 0;
};

Status OnlineSteps(trainer::OnlineTrainer& online, uint64_t count) {
  for (uint64_t done = 0; done < count;) {
    PERENNIAL_ASSIGN_OR_RETURN(const auto outcome, online.Step(SystemClock().In(std::chrono::seconds(30))));
    if (outcome != trainer::OnlineTrainer::StepOutcome::kStepped)
      return DeadlineExceeded("the trainer ran out of data");
    ++done;
  }
  return Status::Ok();
}

struct Times {
  double online = 0;
  double bare = 0;
  std::vector<double> ratios;
};

Result<Times> Measure(const Plan& plan, trainer::OnlineTrainer& online, BareLoop& bare) {
  PERENNIAL_RETURN_IF_ERROR(OnlineSteps(online, kWarmUpSteps));
  bare.Steps(kWarmUpSteps / 2);
  Times times;
  for (uint64_t round = 0; round < plan.rounds; ++round) {
    SteadyTime begin = SystemClock().Now();
    PERENNIAL_RETURN_IF_ERROR(OnlineSteps(online, plan.steps_per_round));
    const double online_s = SecondsSince(begin);
    begin = SystemClock().Now();
    bare.Steps(plan.steps_per_round);
    const double bare_s = SecondsSince(begin);
    times.online += online_s;
    times.bare += bare_s;
    times.ratios.push_back(bare_s / online_s);
    if ((round + 1) % 5 != 0) continue;
    std::fprintf(stderr, "round %2d of %d: online %.2f s, bare %.2f s, ratio %.3f\n", static_cast<int>(round) + 1,
                 static_cast<int>(plan.rounds), online_s, bare_s, bare_s / online_s);
  }
  std::sort(times.ratios.begin(), times.ratios.end());
  return times;
}

}  // namespace

Result<std::string> RunTrain(const BenchOptions& options) {
  at::set_num_threads(1);
  Plan plan;
  if (options.quick) plan.rounds = 5;
  const trainer::TrainerOptions trainer_options = MakeOptions(options);
  const SystemClock clock;
  PERENNIAL_ASSIGN_OR_RETURN(const TemporaryFolder folder, TemporaryFolder::Make("perennial-bench-train"));
  kv::KvOptions kv_options;
  kv_options.path = folder.path();
  kv_options.families = samples::SampleLog::Families();
  for (const std::string& family : trainer::OnlineTrainer::Families()) kv_options.families.push_back(family);
  PERENNIAL_ASSIGN_OR_RETURN(const auto store, kv::OpenRocks(kv_options));
  samples::SampleLogOptions log_options;
  log_options.held_out_share = 0;  // evaluation is not part of this
  PERENNIAL_ASSIGN_OR_RETURN(const auto log, samples::SampleLog::Open(*store, log_options, clock));
  std::fprintf(stderr, "feeding %llu generated samples\n",
               static_cast<unsigned long long>(plan.Samples(trainer_options.new_per_step)));
  PERENNIAL_RETURN_IF_ERROR(FeedLog(*log, plan.Samples(trainer_options.new_per_step), options.seed));

  PERENNIAL_ASSIGN_OR_RETURN(const auto bare, BareLoop::Make(trainer_options, *log));
  PERENNIAL_ASSIGN_OR_RETURN(const auto online, trainer::OnlineTrainer::Open(trainer_options, *log, *store, clock));
  PERENNIAL_ASSIGN_OR_RETURN(const Times times, Measure(plan, *online, *bare));

  const size_t rows = trainer_options.new_per_step + trainer_options.replay_per_step;
  const uint64_t steps = plan.rounds * plan.steps_per_round;
  nlohmann::json out;
  out["samples_per_s"] = static_cast<double>(steps * rows) / times.online;
  out["bare_samples_per_s"] = static_cast<double>(steps * rows) / times.bare;
  out["ratio"] = times.bare / times.online;
  out["ratio_median_of_rounds"] = times.ratios[times.ratios.size() / 2];
  out["steps"] = steps;
  out["samples_per_step"] = rows;
  out["new_samples_per_s"] = static_cast<double>(steps * trainer_options.new_per_step) / times.online;
  out["spec"] = nlohmann::json::parse(trainer_options.spec.ToJson());
  out["compute_threads"] = at::get_num_threads();
  out["decode_threads"] = trainer_options.decode_threads;
  return out.dump();
}

}  // namespace perennial::bench
