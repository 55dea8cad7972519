#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "api/bench/bench.h"
#include "api/bench/continual_data.h"
#include "api/bench/hub_and_edge.h"
#include "storage/base/rng.h"
#include "storage/sources/source.h"

namespace perennial::bench {
namespace {

using nlohmann::json;
using Seconds = std::chrono::duration<double>;

constexpr size_t kFew = 20;            // samples of the new class that the question is about
constexpr size_t kOldPerLabel = 2000;  // training samples of each label that is known before
constexpr size_t kTestPerLabel = 100;  // of each old label, asked at an edge
constexpr size_t kBatch = 256;         // samples in a request
constexpr Duration kLongest = std::chrono::minutes(5);
constexpr double kLive = 60;  // s
constexpr double kCalm = 2;   // s without another version: none comes any more

struct Task {
  std::string label;  // the new class
  std::vector<format::Sample> old_train, new_train, old_test, new_test;
};

// Seed 1: the last label is new; seed 2: the first; and so on.
Result<Task> MakeTask(const BenchOptions& options) {
  ContinualOptions read;
  read.data = options.data;
  read.quick = options.quick;
  PERENNIAL_ASSIGN_OR_RETURN(const LabelledData data, LoadLabelled(read, 28));
  if (data.labels.size() < 3) return InvalidArgument("new-class needs data with three labels or more");
  PERENNIAL_ASSIGN_OR_RETURN(DataSplit split, SplitData(data, read, options.seed));
  Rng rng(options.seed, 7);
  for (size_t i = split.train.size(); i > 1; --i) std::swap(split.train[i - 1], split.train[rng.Below(i)]);
  Task task;
  task.label = data.labels[(data.labels.size() - 2 + options.seed) % data.labels.size()];
  std::map<std::string, size_t> trained, tested;
  for (const uint32_t i : split.train) {
    format::Sample sample = data.samples[i];
    sample.part = format::Part::kTrain;
    sample.slice = "stream";
    const bool is_new = *sample.label == task.label;
    if (trained[*sample.label]++ >= kOldPerLabel) continue;
    (is_new ? task.new_train : task.old_train).push_back(std::move(sample));
  }
  for (const uint32_t i : split.test) {
    const bool is_new = *data.samples[i].label == task.label;
    if (!is_new && tested[*data.samples[i].label]++ >= kTestPerLabel) continue;
    (is_new ? task.new_test : task.old_test).push_back(data.samples[i]);
  }
  if (task.new_train.size() < 2 * kFew || task.new_test.empty()) {
    return InvalidArgument("label \"" + task.label + "\" has too few samples for new-class");
  }
  return task;
}

Status Feed(HubAndEdge& world, const std::vector<format::Sample>& samples, size_t begin, size_t end) {
  for (size_t at = begin; at < end; at += kBatch) {
    PERENNIAL_RETURN_IF_ERROR(world.Feed({samples.begin() + static_cast<std::ptrdiff_t>(at),
                                          samples.begin() + static_cast<std::ptrdiff_t>(std::min(end, at + kBatch))}));
  }
  return Status::Ok();
}

struct Score {
  double accuracy = 0;
  uint64_t version = 0;  // of the last answer
};

Result<Score> Ask(HubAndEdge& world, const std::vector<format::Sample>& tests, const char* moment, std::string& dump) {
  Score score;
  size_t right = 0;
  for (const format::Sample& sample : tests) {
    PERENNIAL_ASSIGN_OR_RETURN(const EdgeAnswer answer, world.Ask(sample));
    right += answer.label == *sample.label ? 1 : 0;
    score.version = answer.version;
    dump += json{{"moment", moment},
                 {"id", sample.id},
                 {"version", answer.version},
                 {"predicted", answer.label},
                 {"true", *sample.label}}
                .dump() +
            "\n";
  }
  score.accuracy = static_cast<double>(right) / static_cast<double>(std::max<size_t>(1, tests.size()));
  return score;
}

// Seconds from `since` until the edge first answers one of the new class's pictures with its label, by the version that
// knows all samples so far: the last one, after which none comes any more. Earlier ones know fewer.
Result<double> WaitUntilLive(HubAndEdge& world, const Task& task, SteadyTime since) {
  std::map<uint64_t, double> first;  // by version
  const auto passed = [&] { return Seconds(std::chrono::steady_clock::now() - since).count(); };
  for (size_t i = 0; passed() < kLive; ++i) {
    PERENNIAL_ASSIGN_OR_RETURN(const EdgeAnswer answer, world.Ask(task.new_test[i % task.new_test.size()]));
    if (answer.label == task.label) first.emplace(answer.version, passed());
    if (first.empty() || passed() < first.rbegin()->second + kCalm) continue;
    PERENNIAL_ASSIGN_OR_RETURN(const bool newest, world.IsNewest(first.rbegin()->first));
    if (newest) return first.rbegin()->second;
  }
  return DeadlineExceeded("no edge answered with \"" + task.label + "\" within a minute", "see the logs with --dump");
}

}  // namespace

Result<std::string> RunNewClass(const BenchOptions& options) {
  if (options.data.empty()) {
    return InvalidArgument("new-class needs --data DIR with labelled pictures",
                           "for example ../shared/data/fashion_mnist");
  }
  PERENNIAL_ASSIGN_OR_RETURN(const Task task, MakeTask(options));
  PERENNIAL_ASSIGN_OR_RETURN(
      const auto world,
      HubAndEdge::Start({"--spec", "mlp", "--strategy", "default", "--instant-width", "2000", "--publish-every", "2000",
                         "--replay-capacity", "5000", "--eval-max", "1000", "--canary-min-requests", "20",
                         "--canary-min-feedback", "0", "--seed", std::to_string(options.seed)},
                        options.dump));
  std::string dump;
  std::fprintf(stderr, "feeding %zu samples of the other labels ...\n", task.old_train.size());
  PERENNIAL_RETURN_IF_ERROR(Feed(*world, task.old_train, 0, task.old_train.size()));
  PERENNIAL_RETURN_IF_ERROR(world->FlushAndSettle(task.old_test, kLongest));
  PERENNIAL_ASSIGN_OR_RETURN(const Score before, Ask(*world, task.old_test, "before", dump));

  // As a person labels them: one request each.
  SteadyTime acknowledged{};
  for (size_t i = 0; i < kFew; ++i) {
    PERENNIAL_RETURN_IF_ERROR(Feed(*world, task.new_train, i, i + 1));
    acknowledged = std::chrono::steady_clock::now();
  }
  PERENNIAL_ASSIGN_OR_RETURN(const double ack_to_live_s, WaitUntilLive(*world, task, acknowledged));
  PERENNIAL_ASSIGN_OR_RETURN(const Score at_20, Ask(*world, task.new_test, "at_20", dump));
  PERENNIAL_ASSIGN_OR_RETURN(const Score old_at_20, Ask(*world, task.old_test, "at_20", dump));
  PERENNIAL_ASSIGN_OR_RETURN(const uint64_t delta_bytes, world->DeltaBytes(at_20.version));

  std::fprintf(stderr, "feeding the other %zu samples of \"%s\" ...\n", task.new_train.size() - kFew,
               task.label.c_str());
  PERENNIAL_RETURN_IF_ERROR(Feed(*world, task.new_train, kFew, task.new_train.size()));
  PERENNIAL_RETURN_IF_ERROR(world->FlushAndSettle(task.old_test, kLongest));
  PERENNIAL_ASSIGN_OR_RETURN(const Score last, Ask(*world, task.new_test, "final", dump));
  PERENNIAL_ASSIGN_OR_RETURN(const Score old_last, Ask(*world, task.old_test, "final", dump));
  if (!options.dump.empty()) {
    PERENNIAL_RETURN_IF_ERROR(Env::Posix().WriteFileAtomic(options.dump + "/new_class.jsonl", dump, 0644));
  }
  return nlohmann::ordered_json{{"label", task.label},
                                {"accuracy_at_20_ratio", last.accuracy == 0 ? 0 : at_20.accuracy / last.accuracy},
                                {"ack_to_live_s", ack_to_live_s},
                                {"accuracy_at_20", at_20.accuracy},
                                {"final_accuracy", last.accuracy},
                                {"old_accuracy_before", before.accuracy},
                                {"old_accuracy_at_20", old_at_20.accuracy},
                                {"old_accuracy_final", old_last.accuracy},
                                {"version_before", before.version},
                                {"version_at_20", at_20.version},
                                {"version_final", last.version},
                                {"delta_bytes_at_20", delta_bytes},
                                {"old_samples", task.old_train.size()},
                                {"new_samples", task.new_train.size()},
                                {"new_test_samples", task.new_test.size()}}
      .dump();
}

}  // namespace perennial::bench
