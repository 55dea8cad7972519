// What the replay memory costs: the online trainer with its memory on RocksDB against the same on the store's in-memory
// twin, strategy default against er, draws against memcpy, inserts into a memory of ten million against one of a
// hundred thousand. Everything in turns within this run, one compute thread.
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "api/bench/bench.h"
#include "api/bench/raw_records.h"
#include "api/bench/replay_store.h"
#include "storage/base/env.h"
#include "storage/kv/kv_store.h"
#include "storage/samples/sample_log.h"
#include "storage/sources/simulator.h"
#include "trainer/online_trainer.h"

namespace perennial::bench {
namespace {

using Json = nlohmann::ordered_json;
using trainer::OnlineTrainer;

constexpr uint64_t kWarmUpSteps = 120;  // the teacher of `default` joins at step 100

struct Plan {
  uint64_t rounds = 50;
  uint64_t steps_per_round = 10;
  uint64_t fetch_examples = 5000;
  uint64_t fetch_rounds = 21;
  uint64_t small = 100'000;
  uint64_t large = 10'000'000;
  uint64_t insert_turns = 21;
  static Plan Quick() { return {5, 10, 1000, 5, 10'000, 200'000, 5}; }
};

double SecondsSince(SteadyTime begin) { return std::chrono::duration<double>(SystemClock().Now() - begin).count(); }

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

Status FeedLog(samples::SampleLog& log, uint64_t count, uint64_t seed) {
  sources::SimulatorOptions simulator;
  simulator.seed = seed;
  simulator.train_per_slice = count;
  simulator.schedule = {"base"};
  PERENNIAL_ASSIGN_OR_RETURN(auto source, sources::OpenSimulator(simulator));
  std::vector<format::Sample> batch;
  for (;;) {
    PERENNIAL_ASSIGN_OR_RETURN(std::optional<sources::Item> item, source->Next());
    if (item) PERENNIAL_RETURN_IF_ERROR(item->sample.status());
    if (item && item->sample->part != format::Part::kTest) batch.push_back(std::move(*item->sample));
    if (batch.size() == 256 || (!item && !batch.empty())) {
      PERENNIAL_RETURN_IF_ERROR(log.Append(std::exchange(batch, {})).status());
    }
    if (!item) return Status::Ok();
  }
}

// One of the trainers that take turns.
struct Side {
  const char* name;
  std::unique_ptr<OnlineTrainer> trainer;
  double seconds = 0;

  Result<double> Steps(uint64_t count) {
    const SteadyTime begin = SystemClock().Now();
    for (uint64_t done = 0; done < count; ++done) {
      PERENNIAL_ASSIGN_OR_RETURN(const auto outcome, trainer->Step(SystemClock().In(std::chrono::seconds(60))));
      if (outcome != OnlineTrainer::StepOutcome::kStepped) return DeadlineExceeded("the trainer ran out of data");
    }
    return SecondsSince(begin);
  }
};

struct TrainFigures {
  double durable_ratio = 0;
  double default_over_er = 0;
  uint64_t steps = 0;
};

Result<TrainFigures> MeasureTraining(const Plan& plan, uint64_t seed, RawRecords& records) {
  const SystemClock clock;
  PERENNIAL_ASSIGN_OR_RETURN(const TemporaryFolder folder, TemporaryFolder::Make("perennial-bench-replay"));
  kv::KvOptions where;
  where.path = folder.path();
  where.families = OnlineTrainer::Families();
  PERENNIAL_ASSIGN_OR_RETURN(const auto rocks, kv::OpenRocks(where));
  const auto memory = kv::OpenMemory(OnlineTrainer::Families());
  const auto log_store = kv::OpenMemory(samples::SampleLog::Families());
  samples::SampleLogOptions log_options;
  log_options.held_out_share = 0;
  PERENNIAL_ASSIGN_OR_RETURN(const auto log, samples::SampleLog::Open(*log_store, log_options, clock));
  trainer::TrainerOptions options;
  options.spec = format::ModelSpec::Preset("small").value();
  options.seed = seed;
  // The memory is full, and evicts, during all of what is measured.
  options.replay.capacity = 1000;
  const uint64_t steps = kWarmUpSteps + plan.rounds * plan.steps_per_round;
  PERENNIAL_RETURN_IF_ERROR(FeedLog(*log, (steps + 1) * options.new_per_step, seed));

  Side sides[] = {{"er_rocksdb", nullptr}, {"er_memory", nullptr}, {"default_memory", nullptr}};
  for (Side& side : sides) {
    options.name = side.name;
    options.strategy = &side == &sides[2] ? "default" : "er";
    kv::KvStore& store = &side == &sides[0] ? *rocks : *memory;
    PERENNIAL_ASSIGN_OR_RETURN(side.trainer, OnlineTrainer::Open(options, *log, store, clock));
    PERENNIAL_RETURN_IF_ERROR(side.Steps(kWarmUpSteps).status());
  }
  std::vector<double> durable, slower;
  for (uint64_t round = 0; round < plan.rounds; ++round) {
    Json line{{"part", "train"}, {"round", round}, {"steps", plan.steps_per_round}};
    double seconds[3] = {};
    for (size_t k = 0; k < 3; ++k) {
      Side& side = sides[(round + k) % 3];  // none is always the first
      PERENNIAL_ASSIGN_OR_RETURN(const double took, side.Steps(plan.steps_per_round));
      side.seconds += took;
      seconds[(round + k) % 3] = took;
      line[std::string(side.name) + "_s"] = took;
    }
    durable.push_back(seconds[1] / seconds[0]);
    slower.push_back(seconds[2] / seconds[1]);
    records.Add(line.dump());
  }
  std::fprintf(stderr, "er on RocksDB %.2f s, er in memory %.2f s, default %.2f s\n", sides[0].seconds,
               sides[1].seconds, sides[2].seconds);
  // A checkpoint falls into one round in fifty, so the median over rounds would leave its cost out: the mean of the
  // rounds has it, and one bad round of the machine too. What is said is the lower of the two.
  const double of_totals = sides[1].seconds / sides[0].seconds;
  return TrainFigures{std::min(of_totals, Median(durable)), Median(slower), plan.rounds * plan.steps_per_round};
}

}  // namespace

Result<std::string> RunReplay(const BenchOptions& options) {
  at::set_num_threads(1);
  const Plan plan = options.quick ? Plan::Quick() : Plan();
  RawRecords records;
  PERENNIAL_RETURN_IF_ERROR(records.Open(options.dump, "replay"));
  std::fprintf(stderr, "training, three trainers in turns\n");
  PERENNIAL_ASSIGN_OR_RETURN(const TrainFigures train, MeasureTraining(plan, options.seed, records));
  std::fprintf(stderr, "draws\n");
  PERENNIAL_ASSIGN_OR_RETURN(const FetchFigures fetch,
                             MeasureFetch(plan.fetch_examples, plan.fetch_rounds, options.seed, records));
  std::fprintf(stderr, "inserts\n");
  PERENNIAL_ASSIGN_OR_RETURN(const InsertFigures insert,
                             MeasureInsert(plan.small, plan.large, plan.insert_turns, options.seed, records));
  Json out;
  out["durable_ratio"] = train.durable_ratio;
  out["default_over_er_time"] = train.default_over_er;
  out["train_steps"] = train.steps;
  out["fetch_per_s_cached"] = fetch.cached_per_s;
  out["fetch_per_s_disk"] = fetch.disk_per_s;
  out["memcpy_ratio"] = fetch.memcpy_ratio;
  out["insert_items"] = {plan.small, plan.large};
  out["insert_classes"] = {plan.small / 100, plan.large / 100};
  out["insert_p99_us"] = {insert.small_p99_us, insert.large_p99_us};
  out["insert_p99_ratio"] = insert.ratio;
  out["bytes_per_item"] = insert.bytes_per_item;
  out["rss_ratio_when_full"] = insert.rss_ratio;
  out["rss_flat"] = insert.rss_ratio < 1.05;
  if (!options.data.empty()) {
    PERENNIAL_ASSIGN_OR_RETURN(out["payload_bytes_per_picture"], MeasurePayloads(options.data, 2000));
  }
  PERENNIAL_RETURN_IF_ERROR(records.Finish());
  return out.dump();
}

}  // namespace perennial::bench
