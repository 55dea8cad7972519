#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "api/bench/bench.h"
#include "api/bench/inspection_samples.h"
#include "storage/base/bytes.h"
#include "storage/base/clock.h"
#include "storage/base/env.h"
#include "storage/base/log.h"
#include "storage/kv/kv_store.h"
#include "storage/samples/sample_log.h"

// What it costs to be sure: batches of samples go through the sample log (hashed, decoded, deduplicated, synced) and,
// turn by turn, the same bytes go straight into a RocksDB of their own, same batch size, synced as well.
namespace perennial::bench {
namespace {

constexpr size_t kBatch = 256;
uint64_t BytesOf(const std::vector<format::Sample>& batch) {
  uint64_t bytes = 0;
  for (const format::Sample& sample : batch) bytes += format::EncodeSample(sample).size();
  return bytes;
}

double SecondsSince(SteadyTime start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// One side of the comparison: a fresh store in a folder that goes with it.
struct Side {
  explicit Side(TemporaryFolder made) : folder(std::move(made)) {}
  static Result<std::unique_ptr<Side>> Make(std::vector<std::string> families) {
    PERENNIAL_ASSIGN_OR_RETURN(TemporaryFolder made, TemporaryFolder::Make("perennial-bench-ingest"));
    auto side = std::make_unique<Side>(std::move(made));
    kv::KvOptions options;
    options.path = side->folder.path();
    options.families = std::move(families);
    PERENNIAL_ASSIGN_OR_RETURN(side->store, kv::OpenRocks(options));
    return side;
  }

  TemporaryFolder folder;
  std::unique_ptr<kv::KvStore> store;
  double seconds = 0;
};

Result<double> AppendToLog(samples::SampleLog& log, std::vector<format::Sample> batch) {
  const SteadyTime start = std::chrono::steady_clock::now();
  PERENNIAL_ASSIGN_OR_RETURN(const auto outcomes, log.Append(std::move(batch)));
  const double seconds = SecondsSince(start);
  for (const samples::AppendOutcome& outcome : outcomes) {
    if (outcome.state != samples::AppendOutcome::State::kAccepted) {
      return Internal("the log did not accept a benchmark sample: " + outcome.error.ToString());
    }
  }
  return seconds;
}

Result<double> WriteRaw(kv::KvStore& store, uint64_t number, const std::vector<format::Sample>& batch) {
  PERENNIAL_ASSIGN_OR_RETURN(const kv::Family family, store.FindFamily("raw"));
  std::vector<std::string> values;
  for (const format::Sample& sample : batch) values.push_back(format::EncodeSample(sample));
  const SteadyTime start = std::chrono::steady_clock::now();
  kv::WriteBatch changes;
  for (size_t i = 0; i < values.size(); ++i) {
    changes.Put(family, BigEndian64(number * kBatch + i), std::move(values[i]));
  }
  PERENNIAL_RETURN_IF_ERROR(store.Write(changes, kv::Durability::kSynced));
  return SecondsSince(start);
}

// One line per batch and side, from which the figures can be computed again.
class Records {
 public:
  explicit Records(const std::string& folder) {
    if (!folder.empty()) file_.open(folder + "/ingest.jsonl");
  }
  void Add(const char* side, uint64_t batch, uint64_t bytes, double seconds) {
    if (!file_.is_open()) return;
    file_ << nlohmann::ordered_json{{"side", side},
                                    {"batch", batch},
                                    {"samples", kBatch},
                                    {"bytes", bytes},
                                    {"seconds", seconds}}
                 .dump()
          << "\n";
  }

 private:
  std::ofstream file_;
};

}  // namespace

Result<std::string> RunIngest(const BenchOptions& options) {
  const uint64_t batches = options.quick ? 8 : 80;
  const SystemClock clock;
  PERENNIAL_ASSIGN_OR_RETURN(const std::unique_ptr<Side> log_side, Side::Make(samples::SampleLog::Families()));
  PERENNIAL_ASSIGN_OR_RETURN(const std::unique_ptr<Side> raw_side, Side::Make({"raw"}));
  samples::SampleLogOptions log_options;
  log_options.validation_threads = std::clamp<size_t>(std::thread::hardware_concurrency(), 2, 16);
  PERENNIAL_ASSIGN_OR_RETURN(const auto log, samples::SampleLog::Open(*log_side->store, log_options, clock));
  if (!options.dump.empty()) PERENNIAL_RETURN_IF_ERROR(Env::Posix().CreateDirectories(options.dump));
  Records records(options.dump);

  uint64_t bytes = 0;
  // The first batch warms both sides up and counts for neither.
  for (uint64_t number = 0; number <= batches; ++number) {
    PERENNIAL_ASSIGN_OR_RETURN(std::vector<format::Sample> batch,
                               InspectionSamples(options.seed, number * kBatch, kBatch));
    const uint64_t batch_bytes = BytesOf(batch);
    PERENNIAL_ASSIGN_OR_RETURN(const double raw_s, WriteRaw(*raw_side->store, number, batch));
    PERENNIAL_ASSIGN_OR_RETURN(const double log_s, AppendToLog(*log, std::move(batch)));
    if (number == 0) continue;
    bytes += batch_bytes;
    raw_side->seconds += raw_s;
    log_side->seconds += log_s;
    records.Add("rocksdb_raw", number, batch_bytes, raw_s);
    records.Add("sample_log", number, batch_bytes, log_s);
    if (number % 20 == 0) log::Info("bench_ingest", {{"batch", number}, {"of", batches}});
  }

  const uint64_t samples = batches * kBatch;
  const double log_rate = static_cast<double>(samples) / log_side->seconds;
  const double raw_rate = static_cast<double>(samples) / raw_side->seconds;
  return nlohmann::ordered_json{{"samples_per_s", log_rate},
                                {"rocksdb_raw_per_s", raw_rate},
                                {"ratio", log_rate / raw_rate},
                                {"samples", samples},
                                {"bytes", bytes},
                                {"batch", kBatch}}
      .dump();
}

}  // namespace perennial::bench
