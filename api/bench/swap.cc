// What a live swap costs the requests: a base network behind the real HTTP server, open-loop load at half of the
// measured capacity, steady and swapping phases in turns. Every answer is checked against what the version it names
// must say.
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "api/bench/bench.h"
#include "api/bench/crew.h"
#include "serving/admission.h"
#include "serving/engine.h"
#include "serving/fit_input.h"
#include "serving/http/client.h"
#include "serving/http/server.h"
#include "serving/model/model.h"
#include "serving/model/quantise.h"
#include "serving/network_predictor.h"
#include "serving/process.h"
#include "serving/protocol.h"
#include "storage/base/env.h"
#include "storage/base/mutex.h"
#include "storage/base/rng.h"

namespace perennial::bench {
namespace {

constexpr size_t kClients = 32;
constexpr size_t kInputs = 24;
constexpr float kTolerance = 1e-4f;  // between runs of one version in different batches
constexpr auto kSwapInterval = std::chrono::milliseconds(250);
constexpr auto kWarmUpTime = std::chrono::milliseconds(3000);
constexpr uint64_t kMinRequests = 5000;  // in each kind of phase

struct Plan {
  int rounds = 10;
  int swaps_per_round = 21;
  std::chrono::milliseconds capacity_time{4000};
};

// One version's content and what it must answer to each input.
struct Content {
  std::shared_ptr<const format::VersionImage> image;
  std::vector<serving::InferAnswer> expected;
};

struct Input {
  std::string png;
  std::string text;
  std::string query;  // text, escaped
};

struct Record {
  double time_ms = 0;     // scheduled, from the start of the run
  double latency_ms = 0;  // from the scheduled time
  uint64_t version = 0;
  std::string predicted;  // as answered
  uint32_t input = 0;
  bool swapping = false, failed = false, mixed = false;
};

double MillisecondsSince(SteadyTime begin) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

std::vector<Input> MakeInputs(const format::ModelSpec& spec, uint64_t seed) {
  Rng rng(seed);
  std::vector<Input> inputs(kInputs);
  for (size_t i = 0; i < kInputs; ++i) {
    media::Image image;
    image.width = image.height = static_cast<int>(spec.image_size);
    image.pixels.resize(static_cast<size_t>(spec.image_size * spec.image_size) * 3);
    for (uint8_t& value : image.pixels) value = static_cast<uint8_t>(rng.Below(256));
    inputs[i].png = media::EncodePng(image).value();
    inputs[i].text = "is_there_a_scratch_number_" + std::to_string(i);
    inputs[i].query = inputs[i].text;
  }
  return inputs;
}

Result<Content> MakeContent(const format::ModelSpec& spec, uint64_t seed, const std::vector<Input>& inputs) {
  std::vector<std::string> labels;
  for (int i = 0; i < 8; ++i) labels.push_back("label-" + std::to_string(i));
  PERENNIAL_ASSIGN_OR_RETURN(auto network, model::BuildModel(spec, static_cast<int64_t>(labels.size()), seed));
  PERENNIAL_ASSIGN_OR_RETURN(auto outcome, model::Quantise(*network, labels, nullptr, 1));
  Content content;
  content.image = std::make_shared<const format::VersionImage>(std::move(outcome.image));
  PERENNIAL_ASSIGN_OR_RETURN(const auto predictor, serving::MakeNetworkFactory()->Make(content.image));
  for (const Input& input : inputs) {
    serving::InferRequest request;
    request.image = input.png;
    request.text = input.text;
    PERENNIAL_ASSIGN_OR_RETURN(const auto decoded, serving::DecodeRequest(request, {}));
    PERENNIAL_ASSIGN_OR_RETURN(const auto scores, predictor->Predict({serving::FitTo(decoded, spec)}));
    serving::FillAnswer(scores.front(), labels, content.expected.emplace_back());
  }
  return content;
}

bool SameAnswer(const nlohmann::json& top, const serving::InferAnswer& expected) {
  if (!top.is_array() || top.size() != expected.top_labels.size()) return false;
  for (size_t i = 0; i < top.size(); ++i) {
    if (std::abs(top[i].value("score", -1.0f) - expected.top_scores[i]) > kTolerance) return false;
  }
  // Labels may only trade places where their scores are equal within the tolerance; the scores above have been
  // compared.
  return top[0].value("label", "") == expected.label || expected.top_scores[0] - expected.top_scores[1] <= kTolerance;
}

// The check can tell the two contents apart on every input, or it would prove nothing.
Status CheckApart(const Content& a, const Content& b) {
  for (size_t i = 0; i < kInputs; ++i) {
    float distance = 0;
    for (size_t k = 0; k < a.expected[i].top_scores.size(); ++k) {
      distance = std::max(distance, std::abs(a.expected[i].top_scores[k] - b.expected[i].top_scores[k]));
    }
    if (distance < 10 * kTolerance) return Internal("the two versions answer alike to input " + std::to_string(i));
  }
  return Status::Ok();
}

// Poisson arrivals, handed to whichever client is free; a late client still takes its turn and its lateness counts.
class Arrivals {
 public:
  Arrivals(double per_second, uint64_t seed, SteadyTime begin, SteadyTime end)
      : per_second_(per_second), rng_(seed), next_(begin), end_(end) {}
  std::optional<SteadyTime> Next() {
    MutexLock lock(mutex_);
    if (next_ >= end_) return std::nullopt;
    const SteadyTime turn = next_;
    next_ += std::chrono::nanoseconds(static_cast<int64_t>(-std::log(1.0 - rng_.Uniform()) / per_second_ * 1e9));
    return turn;
  }

 private:
  const double per_second_;
  Mutex mutex_;
  Rng rng_ GUARDED_BY(mutex_);
  SteadyTime next_ GUARDED_BY(mutex_);
  const SteadyTime end_;
};

class SwapBench {
 public:
  SwapBench(const BenchOptions& options, Plan plan)
      : options_(options), plan_(plan), begin_(std::chrono::steady_clock::now()) {}

  Result<std::string> Run() {
    PERENNIAL_RETURN_IF_ERROR(Prepare());
    // Everything happens once at full load before anything is measured: the largest batches, and swaps beside them.
    const SteadyTime begin = std::chrono::steady_clock::now();
    swapper_.Start([&](size_t) { SwapUntil(begin, begin + kWarmUpTime); });
    RunClosedLoop(kWarmUpTime);
    swapper_.Wait();
    PERENNIAL_RETURN_IF_ERROR(swap_error_);
    swaps_ = 0;
    capacity_ = RunClosedLoop(plan_.capacity_time);
    load_ = capacity_ / 2;
    // Slow machines get longer phases instead of fewer requests.
    const double seconds =
        std::max(plan_.swaps_per_round * 0.25, (options_.quick ? 0.1 : 1.05) * kMinRequests / load_ / plan_.rounds);
    // Taken and touched now, so that the growth of memory that is measured is the server's.
    records_.resize(static_cast<size_t>(seconds * plan_.rounds * 2 * load_ * 1.5) + 10000);
    std::fprintf(stderr, "capacity %.0f requests/s, load %.0f/s, %d rounds of %.1f s steady and %.1f s swapping\n",
                 capacity_, load_, plan_.rounds, seconds, seconds);
    for (int round = 0; round < plan_.rounds; ++round) {
      RunPhase(seconds, false, static_cast<uint64_t>(round) * 2);
      RunPhase(seconds, true, static_cast<uint64_t>(round) * 2 + 1);
      if (!swap_error_.ok()) return swap_error_.WithContext("swap");
      if (round == 0) rss_first_ = ResidentBytes();
      std::fprintf(stderr, "round %d of %d: %llu swaps, %llu KiB resident\n", round + 1, plan_.rounds,
                   static_cast<unsigned long long>(swaps_), static_cast<unsigned long long>(ResidentBytes() / 1024));
    }
    const double growth = static_cast<double>(ResidentBytes()) / static_cast<double>(rss_first_);
    records_.resize(std::min(records_.size(), used_.load()));
    PERENNIAL_RETURN_IF_ERROR(Dump());
    return Report(growth);
  }

 private:
  Status Prepare() {
    PERENNIAL_ASSIGN_OR_RETURN(const format::ModelSpec spec, format::ModelSpec::Preset("base"));
    inputs_ = MakeInputs(spec, options_.seed);
    for (const uint64_t seed : {options_.seed, options_.seed + 1}) {
      PERENNIAL_ASSIGN_OR_RETURN(contents_.emplace_back(), MakeContent(spec, seed, inputs_));
    }
    PERENNIAL_RETURN_IF_ERROR(CheckApart(contents_[0], contents_[1]));
    PERENNIAL_ASSIGN_OR_RETURN(engine_, serving::Engine::Start({}, clock_));
    PERENNIAL_RETURN_IF_ERROR(SwapTo(VersionId{1}));
    http::ServerOptions server;
    server.threads = kClients;
    PERENNIAL_ASSIGN_OR_RETURN(server_, http::Server::Make(server));
    serving::MountInference(*server_, *engine_, {});
    PERENNIAL_RETURN_IF_ERROR(server_->Listen());
    http::ClientOptions client;
    client.base_url = "http://" + server_->address();
    for (size_t i = 0; i < kClients; ++i) {
      PERENNIAL_ASSIGN_OR_RETURN(clients_.emplace_back(), http::Client::Make(client));
    }
    return Status::Ok();
  }

  // Odd versions have the first content, even ones the second.
  const Content& ContentOf(uint64_t version) const { return contents_[version % 2 == 1 ? 0 : 1]; }

  Status SwapTo(VersionId version) {
    const auto& image = ContentOf(version.value).image;
    PERENNIAL_RETURN_IF_ERROR(engine_->Stage({version, image->Root(), image}));
    return engine_->Confirm(version);
  }

  // One request; fills version, failed and mixed.
  void Ask(http::Client& client, uint64_t number, Record& record) const {
    record.input = static_cast<uint32_t>(number % kInputs);
    const Input& input = inputs_[record.input];
    const auto response = client.Post("/v2/models/default/infer?id=" + std::to_string(number) + "&text=" + input.query,
                                      input.png, "image/png");
    record.failed = !response.ok() || response->status != 200;
    if (record.failed) return;
    try {
      const auto body = nlohmann::json::parse(response->body);
      const std::string version = body.at("model_version");
      record.version = std::stoull(version);
      record.predicted = body.at("label");
      record.mixed = response->Header("perennial-version") != version ||
                     !SameAnswer(body.at("top"), ContentOf(record.version).expected[record.input]);
    } catch (const std::exception&) {
      record.failed = true;  // not the answer that was promised
    }
  }

  // Requests a second with every client asking again at once.
  double RunClosedLoop(std::chrono::milliseconds duration) {
    const SteadyTime begin = std::chrono::steady_clock::now();
    std::atomic<uint64_t> answered{0};
    crew_.Start([&](size_t number) {
      while (std::chrono::steady_clock::now() - begin < duration) {
        Record record;
        Ask(*clients_[number], answered, record);
        if (!record.failed) ++answered;
      }
    });
    crew_.Wait();
    return static_cast<double>(answered) / MillisecondsSince(begin) * 1000.0;
  }

  void RunPhase(double seconds, bool swapping, uint64_t number) {
    const SteadyTime begin = std::chrono::steady_clock::now();
    const SteadyTime end = begin + std::chrono::nanoseconds(static_cast<int64_t>(seconds * 1e9));
    Arrivals arrivals(load_, options_.seed * 1000 + number, begin, end);
    if (swapping) swapper_.Start([&](size_t) { SwapUntil(begin, end); });
    crew_.Start([&](size_t client) {
      while (const auto turn = arrivals.Next()) {
        std::this_thread::sleep_until(*turn);
        const size_t slot = used_++;
        Record overflow;
        Record& record = slot < records_.size() ? records_[slot] : overflow;
        record.swapping = swapping;
        record.time_ms = std::chrono::duration<double, std::milli>(*turn - begin_).count();
        Ask(*clients_[client], slot, record);
        record.latency_ms = MillisecondsSince(*turn);
      }
    });
    crew_.Wait();
    swapper_.Wait();
  }

  void SwapUntil(SteadyTime begin, SteadyTime end) {
    for (SteadyTime turn = begin + kSwapInterval / 2; turn < end && swap_error_.ok(); turn += kSwapInterval) {
      std::this_thread::sleep_until(turn);
      swap_error_ = SwapTo(VersionId{++version_});
      if (swap_error_.ok()) ++swaps_;
    }
  }

  static uint64_t ResidentBytes() {
    std::ifstream file("/proc/self/statm");
    uint64_t total = 0, resident = 0;
    file >> total >> resident;
    return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  }

  Status Dump() const {
    if (options_.dump.empty()) return Status::Ok();
    PERENNIAL_RETURN_IF_ERROR(Env::Posix().CreateDirectories(options_.dump));
    std::ofstream file(options_.dump + "/swap.jsonl");
    for (size_t i = 0; i < records_.size(); ++i) {
      const Record& r = records_[i];
      const std::string truth = r.failed ? "" : ContentOf(r.version).expected[r.input].label;
      file << nlohmann::ordered_json{{"time_ms", r.time_ms},   {"id", i},
                                     {"version", r.version},   {"predicted", r.predicted},
                                     {"true", truth},          {"input", r.input},
                                     {"swapping", r.swapping}, {"latency_ms", r.latency_ms},
                                     {"failed", r.failed},     {"mixed", r.mixed}}
                  .dump()
           << '\n';
    }
    file.close();
    return file.good() ? Status::Ok()
                       : IoError("cannot write " + options_.dump + "/swap.jsonl", "is there room on the disk?");
  }

  // Nearest-rank quantile.
  static double Quantile(const std::vector<double>& sorted, double q) {
    if (sorted.empty()) return 0;
    const auto rank = static_cast<size_t>(std::ceil(q * static_cast<double>(sorted.size())));
    return sorted[std::clamp<size_t>(rank, 1, sorted.size()) - 1];
  }

  std::string Report(double growth) const {
    std::vector<double> steady, swapping;
    uint64_t failed = 0, mixed = 0;
    for (const Record& record : records_) {
      (record.swapping ? swapping : steady).push_back(record.latency_ms);
      failed += record.failed ? 1 : 0;
      mixed += record.mixed ? 1 : 0;
    }
    std::sort(steady.begin(), steady.end());
    std::sort(swapping.begin(), swapping.end());
    const double p99_steady = Quantile(steady, 0.99);
    const double p99_swapping = Quantile(swapping, 0.99);
    return nlohmann::ordered_json{{"capacity_rps", capacity_},
                                  {"load_rps", load_},
                                  {"requests_steady", steady.size()},
                                  {"requests_swapping", swapping.size()},
                                  {"swaps", swaps_},
                                  {"failed_requests", failed},
                                  {"mixed_version_responses", mixed},
                                  {"p50_ms_steady", Quantile(steady, 0.5)},
                                  {"p99_ms_steady", p99_steady},
                                  {"p50_ms_swapping", Quantile(swapping, 0.5)},
                                  {"p99_ms_swapping", p99_swapping},
                                  {"p99_ratio", p99_steady > 0 ? p99_swapping / p99_steady : 0},
                                  {"rss_growth_ratio", growth}}
        .dump();
  }

  const BenchOptions options_;
  const Plan plan_;
  const SteadyTime begin_;
  const SystemClock clock_;
  std::vector<Input> inputs_;
  std::vector<Content> contents_;
  std::unique_ptr<serving::Engine> engine_;
  std::unique_ptr<http::Server> server_;
  std::vector<std::unique_ptr<http::Client>> clients_;
  double capacity_ = 0, load_ = 0;
  std::vector<Record> records_;
  std::atomic<size_t> used_{0};
  uint64_t version_ = 1, swaps_ = 0;  // the swapper's while it runs, else the main thread's
  Status swap_error_;
  uint64_t rss_first_ = 0;
  Crew crew_{"client", kClients};
  Crew swapper_{"swapper", 1, Thread::Priority::kBackground};
};

}  // namespace

Result<std::string> RunSwap(const BenchOptions& options) {
  serving::PrepareProcess();
  Plan plan;
  if (options.quick) {
    plan.rounds = 2;
    plan.swaps_per_round = 10;
    plan.capacity_time = std::chrono::milliseconds(1000);
  }
  return SwapBench(options, plan).Run();
}

}  // namespace perennial::bench
