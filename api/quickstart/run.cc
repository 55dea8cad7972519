#include "api/quickstart/run.h"

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "api/quickstart/cluster.h"
#include "api/quickstart/hub_api.h"
#include "api/quickstart/outcome.h"
#include "api/quickstart/report.h"
#include "storage/base/env.h"
#include "storage/base/mutex.h"
#include "storage/base/thread.h"

namespace perennial::quickstart {
namespace {

// Set by Ctrl-C; the run then winds down in order.
std::atomic<bool> interrupted{false};
void OnSignal(int) { interrupted = true; }

// What goes on at the same time: the feed, the live requests to each edge, and the watch over all. Joins in the destructor.
class Activities {
 public:
  Activities(const Dataset& dataset, const Profile& profile, const Options& options, const Cluster& cluster,
             SteadyTime began, SteadyTime deadline)
      : feeder(dataset, profile, cluster.hub_url(), deadline), watcher(cluster.hub_url(), true, began) {
    for (size_t edge = 0; edge < cluster.edge_urls().size(); ++edge) {
      traffic.push_back(std::make_unique<Traffic>(dataset, profile, progress, cluster.edge_urls()[edge], cluster.hub_url(),
                                                  edge, options.seed, began));
    }
  }
  ~Activities() { Stop(); }

  void Start() {
    std::vector<Traffic*> all;
    for (auto& one : traffic) {
      all.push_back(one.get());
      threads_.emplace_back("traffic", [this, &one] { Note(one->Run(stop)); });
    }
    watch_ = Thread("watch", [this, all] { Note(watcher.Run(progress, all, stop_watch_)); });
    feed_ = Thread("feed", [this] {
      Note(feeder.Run(progress, stop));
      fed = true;
    });
  }
  void StopRequests() {
    stop = true;
    threads_.clear();
    feed_.Join();
  }
  void Stop() {
    StopRequests();
    stop_watch_ = true;
    watch_.Join();
  }
  // The first failure of any of them.
  Status Outcome() {
    MutexLock lock(mutex_);
    return first_;
  }

  FeedProgress progress;
  Feeder feeder;
  Watcher watcher;
  std::vector<std::unique_ptr<Traffic>> traffic;
  std::atomic<bool> stop{false};
  std::atomic<bool> fed{false};

 private:
  void Note(const Status& status) {
    MutexLock lock(mutex_);
    if (!status.ok() && first_.ok()) first_ = status;
  }

  std::atomic<bool> stop_watch_{false};
  Mutex mutex_;
  Status first_ GUARDED_BY(mutex_);
  std::vector<Thread> threads_;
  Thread feed_;
  Thread watch_;
};

// Whether all is well: programs running, no activity failed, no Ctrl-C.
Status Check(Activities& activities, Cluster& cluster) {
  PERENNIAL_RETURN_IF_ERROR(cluster.CheckRunning());
  PERENNIAL_RETURN_IF_ERROR(activities.Outcome());
  return interrupted ? Cancelled("interrupted") : Status::Ok();
}

// Waits until all was fed and learned, the weights at its end were evaluated, and what came of them was decided. Requests go on
// meanwhile, for a trial needs them.
Status WaitForEnd(Activities& activities, Cluster& cluster, SteadyTime deadline) {
  while (!activities.fed) {
    PERENNIAL_RETURN_IF_ERROR(Check(activities, cluster));
    if (std::chrono::steady_clock::now() > deadline) return DeadlineExceeded("the stream was not learned in time");
    Pause(std::chrono::milliseconds(20));
  }
  const auto check = [&] { return Check(activities, cluster); };
  PERENNIAL_RETURN_IF_ERROR(check());
  const auto& acknowledged = activities.feeder.acknowledged();
  const uint64_t end = acknowledged.empty() ? 0 : acknowledged.back().end;
  PERENNIAL_RETURN_IF_ERROR(activities.watcher.WaitEvaluated(end, deadline, check));
  return activities.watcher.WaitSettled(std::chrono::milliseconds(1500), deadline, check);
}

void ShowHints(const Cluster& cluster) {
  const std::string& edge = cluster.edge_urls()[0];
  std::fprintf(stderr,
               "\nStill running (state in %s). Hub %s, edges %s and %s. Try:\n"
               "  perennial status --hub %s\n"
               "  perennial versions --hub %s\n"
               "  curl -s %s/v2/models/default\n"
               "Ctrl-C ends it.\n",
               cluster.folder().c_str(), cluster.hub_url().c_str(), edge.c_str(), cluster.edge_urls()[1].c_str(),
               cluster.hub_url().c_str(), cluster.hub_url().c_str(), edge.c_str());
  while (!interrupted) Pause(std::chrono::milliseconds(100));
}

Result<std::string> Folder(const Options& options, std::optional<TemporaryFolder>& temporary) {
  if (!options.folder.empty()) {
    PERENNIAL_RETURN_IF_ERROR(Env::Posix().CreateDirectories(options.folder));
    return options.folder;
  }
  PERENNIAL_ASSIGN_OR_RETURN(TemporaryFolder made, TemporaryFolder::Make("perennial-quickstart"));
  temporary.emplace(std::move(made));
  return temporary->path();
}

Status Show(const Options& options, const Outcome& outcome) {
  const std::string report = options.report.empty() ? "perennial-report.html" : options.report;
  PERENNIAL_RETURN_IF_ERROR(Env::Posix().WriteFileAtomic(report, ReportHtml(outcome), 0644).WithContext("write the report"));
  std::printf("%s\n", (options.json ? OutcomeJson(outcome) : OutcomeTable(outcome)).c_str());
  std::fflush(stdout);
  std::fprintf(stderr, "report: %s\n", std::filesystem::absolute(report).c_str());
  return Status::Ok();
}

}  // namespace

Status RunQuickstart(const Options& options) {
  std::signal(SIGINT, OnSignal);
  std::signal(SIGTERM, OnSignal);
  const SteadyTime began = std::chrono::steady_clock::now();
  const Profile profile = ProfileFor(options);
  const SteadyTime deadline = began + profile.deadline;
  std::optional<TemporaryFolder> temporary;
  PERENNIAL_ASSIGN_OR_RETURN(const std::string folder, Folder(options, temporary));
  PERENNIAL_ASSIGN_OR_RETURN(const Dataset dataset, LoadDataset(options, profile));
  if (dataset.bad_items > 0) {
    std::fprintf(stderr, "%llu items could not be read; the first: %s\n",
                 static_cast<unsigned long long>(dataset.bad_items), dataset.first_problem.c_str());
  }
  PERENNIAL_ASSIGN_OR_RETURN(const auto cluster, Cluster::Start(options, profile, folder));

  Activities activities(dataset, profile, options, *cluster, began, deadline);
  activities.Start();
  PERENNIAL_RETURN_IF_ERROR(WaitForEnd(activities, *cluster, deadline));
  activities.StopRequests();
  PERENNIAL_ASSIGN_OR_RETURN(const auto exam, TakeExam(dataset, cluster->edge_urls(), began, deadline));
  activities.Stop();
  PERENNIAL_RETURN_IF_ERROR(activities.Outcome());

  Measurements measured{dataset, exam, {}, activities.feeder, activities.progress, activities.watcher,
                        std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count()};
  for (const auto& traffic : activities.traffic) measured.traffic.push_back(traffic.get());
  PERENNIAL_ASSIGN_OR_RETURN(const auto client, http::Client::Make({cluster->hub_url(), "", std::chrono::seconds(30)}));
  PERENNIAL_ASSIGN_OR_RETURN(const Outcome outcome, SumUp(measured, *client));
  if (!options.dump.empty()) PERENNIAL_RETURN_IF_ERROR(DumpRecords(measured, outcome, options.dump));
  PERENNIAL_RETURN_IF_ERROR(Show(options, outcome));
  if (options.keep) ShowHints(*cluster);
  return cluster->Stop();
}

}  // namespace perennial::quickstart
