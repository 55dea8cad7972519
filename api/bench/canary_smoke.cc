#include <algorithm>
#include <atomic>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "api/bench/bench.h"
#include "api/bench/canary_world.h"
#include "api/bench/trained_version.h"
#include "api/hub/hub_options.h"
#include "serving/http/client.h"
#include "storage/base/bytes.h"
#include "storage/base/mutex.h"
#include "storage/base/rng.h"
#include "storage/base/thread.h"

namespace perennial::bench {
namespace {

using nlohmann::json;
using Seconds = std::chrono::duration<double>;
constexpr Duration kTimeout = std::chrono::seconds(60);

struct Answer {
  double time_s = 0;
  size_t edge = 0;
  std::string id;
  uint64_t version = 0;
  bool ok = false;
  std::string predicted, truth;
};

json BytesInput(const char* name, std::string value) {
  return {{"name", name}, {"datatype", "BYTES"}, {"shape", {1}}, {"data", {std::move(value)}}};
}

// Clients of both edges: every answer's true label goes back as feedback. Joins in the destructor.
class Clients {
 public:
  Clients(const std::vector<std::string>& urls, const std::vector<format::Sample>& test, uint64_t seed,
          SteadyTime began)
      : test_(test), began_(began) {
    for (size_t edge = 0; edge < urls.size(); ++edge) {
      threads_.emplace_back("client", [this, edge, url = urls[edge], seed] { Run(url, edge, Rng(seed, edge)); });
    }
  }
  ~Clients() { Stop(); }
  void Stop() {
    stop_ = true;
    threads_.clear();
  }
  std::vector<Answer> answers() {
    MutexLock lock(mutex_);
    return answers_;
  }

 private:
  void Run(const std::string& url, size_t edge, Rng rng) {
    auto client = http::Client::Make({url, "", std::chrono::seconds(15)});
    while (client.ok() && !stop_) {
      Answer answer = Ask(**client, rng);
      answer.edge = edge;
      MutexLock lock(mutex_);
      answers_.push_back(std::move(answer));
    }
  }

  Answer Ask(http::Client& client, Rng& rng) {
    const format::Sample& sample = test_[rng.Below(test_.size())];
    const json body = {{"inputs", {BytesInput("image", Base64Encode(sample.image)), BytesInput("text", sample.text)}}};
    Answer answer;
    answer.time_s = Seconds(std::chrono::steady_clock::now() - began_).count();
    answer.truth = *sample.label;
    const auto response = client.Post("/v2/models/default/infer", body.dump(), "application/json",
                                      {{"Perennial-Routing-Key", std::to_string(rng.Next())}});
    if (!response.ok() || response->status != 200) return answer;
    const json parsed = json::parse(response->body, nullptr, false);
    answer.id = parsed.value("id", "");
    answer.version = std::stoull(parsed.value("model_version", "0"));
    for (const json& output : parsed.value("outputs", json::array())) {
      if (output.value("name", "") == "label") answer.predicted = output["data"][0].get<std::string>();
    }
    answer.ok = answer.version > 0 && !answer.predicted.empty();
    (void)client.Post("/v2/feedback", json{{"request_id", answer.id}, {"label", answer.truth}}.dump(),
                      "application/json");
    return answer;
  }

  const std::vector<format::Sample>& test_;
  const SteadyTime began_;
  std::atomic<bool> stop_{false};
  Mutex mutex_;
  std::vector<Answer> answers_ GUARDED_BY(mutex_);
  std::vector<Thread> threads_;
};

// The same version with each label's weights moved to its neighbour: finite, well-formed, confidently wrong.
format::VersionImage WithWrongWeights(format::VersionImage image) {
  for (format::TensorRecord& tensor : image.tensors) {
    if (!tensor.name.starts_with("head.") || tensor.shape.empty() || tensor.shape[0] < 2) continue;
    const auto row = static_cast<ptrdiff_t>(tensor.values.size() / static_cast<size_t>(tensor.shape[0]));
    std::rotate(tensor.values.begin(), tensor.values.begin() + row, tensor.values.end());
  }
  return image;
}

double Accuracy(const std::vector<Answer>& answers, VersionId version) {
  uint64_t all = 0;
  uint64_t right = 0;
  for (const Answer& answer : answers) {
    if (!answer.ok || answer.version != version.value) continue;
    ++all;
    if (answer.predicted == answer.truth) ++right;
  }
  return all == 0 ? 0 : static_cast<double>(right) / static_cast<double>(all);
}

Status Dump(const std::string& folder, const std::vector<Answer>& answers) {
  if (folder.empty()) return Status::Ok();
  std::string lines;
  for (const Answer& answer : answers) {
    lines += json{{"time", answer.time_s},     {"id", answer.id}, {"edge", answer.edge},
                  {"version", answer.version}, {"ok", answer.ok}, {"predicted", answer.predicted},
                  {"true", answer.truth}}
                 .dump() +
             "\n";
  }
  PERENNIAL_RETURN_IF_ERROR(Env::Posix().CreateDirectories(folder));
  return Env::Posix().WriteFileAtomic(folder + "/canary_requests.jsonl", lines, 0644);
}

// Waits until the trial of `bad` was decided.
Status WaitForVerdict(CanaryWorld& world, SteadyTime deadline) {
  while (world.rollout().TrialRunning()) {
    if (std::chrono::steady_clock::now() > deadline) return DeadlineExceeded("the canary drew no verdict in time");
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return Status::Ok();
}

}  // namespace

Result<std::string> RunCanarySmoke(const BenchOptions& options) {
  std::fprintf(stderr, "training a good version ...\n");
  PERENNIAL_ASSIGN_OR_RETURN(const TrainedVersion trained, TrainVersion(options.quick ? 600 : 2400, options.seed));
  // What a hub does when nobody sets anything, not what would look best here.
  PERENNIAL_ASSIGN_OR_RETURN(const auto world, CanaryWorld::Start(hub::HubOptions().canary));
  PERENNIAL_ASSIGN_OR_RETURN(const VersionId good,
                             world->Release(trained.candidate.image, trained.candidate.report.ToJson()));
  PERENNIAL_RETURN_IF_ERROR(world->WaitForEdges(good, VersionId{}, kTimeout).WithContext("install the good version"));

  const SteadyTime began = std::chrono::steady_clock::now();
  Clients clients(world->edge_urls(), trained.test, options.seed, began);
  const auto seconds = [&] { return Seconds(std::chrono::steady_clock::now() - began).count(); };
  std::this_thread::sleep_for(std::chrono::seconds(1));  // a second of steady serving before and after the trial
  const double published_s = seconds();
  PERENNIAL_ASSIGN_OR_RETURN(const VersionId bad, world->Release(WithWrongWeights(trained.candidate.image), "{}"));
  PERENNIAL_RETURN_IF_ERROR(world->WaitForEdges(good, bad, kTimeout).WithContext("begin the trial"));
  const uint64_t bytes_before = world->BytesDownloaded();
  PERENNIAL_RETURN_IF_ERROR(WaitForVerdict(*world, std::chrono::steady_clock::now() + kTimeout));
  PERENNIAL_RETURN_IF_ERROR(world->WaitForEdges(good, VersionId{}, kTimeout).WithContext("roll back"));
  const double back_s = seconds();
  std::this_thread::sleep_for(std::chrono::seconds(1));
  clients.Stop();

  const std::vector<Answer> answers = clients.answers();
  PERENNIAL_RETURN_IF_ERROR(Dump(options.dump, answers));
  uint64_t in_window = 0;
  uint64_t bad_answers = 0;
  uint64_t failed = 0;
  double first_bad_s = back_s;
  for (const Answer& answer : answers) {
    failed += answer.ok ? 0 : 1;
    if (answer.time_s >= published_s && answer.time_s <= back_s) ++in_window;
    if (answer.version != bad.value) continue;
    ++bad_answers;
    first_bad_s = std::min(first_bad_s, answer.time_s);
  }
  const bool rolled_back = world->rollout().State().stable == good;
  const auto history = world->rollout().History();
  return json{
      {"rolled_back", rolled_back},
      {"reason", history.empty() ? "" : history.back().reason},
      {"bad_request_share", static_cast<double>(bad_answers) / static_cast<double>(std::max<uint64_t>(1, in_window))},
      {"bad_requests", bad_answers},
      {"requests_from_publish_to_rollback", in_window},
      {"requests", answers.size()},
      {"failed_requests", failed},
      {"rollback_s", back_s - first_bad_s},
      {"publish_to_rollback_s", back_s - published_s},
      {"bytes_downloaded_for_rollback", world->BytesDownloaded() - bytes_before},
      {"good_accuracy", Accuracy(answers, good)},
      {"bad_accuracy", Accuracy(answers, bad)}}
      .dump();
}

}  // namespace perennial::bench
