#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "api/quickstart/feeder.h"
#include "api/quickstart/traffic.h"
#include "storage/base/status.h"

namespace perennial::quickstart {

// When every node had a version as its stable one.
struct LiveVersion {
  uint64_t version = 0;
  uint64_t trained_until = 0;  // log offset, exclusive
  SteadyTime time;
};

// Watches hub and nodes: when versions go live, how often nodes swapped; shows progress on standard error. Run on one thread; the plain getters are
// for after it was joined.
class Watcher {
 public:
  Watcher(std::string hub_url, bool show, SteadyTime began) : hub_url_(std::move(hub_url)), show_(show), began_(began) {}
  Status Run(const FeedProgress& progress, const std::vector<Traffic*>& traffic, const std::atomic<bool>& stop);

  // Waits until no trial has run and every node has had the hub's stable version for `quiet` (the last candidates may be refused by the gate).
  // `check` is asked at each look and ends the wait with its error.
  Status WaitSettled(Duration quiet, SteadyTime deadline, const std::function<Status()>& check);
  // Waits until the newest evaluation of every trainer covers the log up to `offset` (exclusive).
  Status WaitEvaluated(uint64_t offset, SteadyTime deadline, const std::function<Status()>& check);

  const std::vector<LiveVersion>& live() const { return live_; }
  uint64_t swaps() const { return swaps_; }

 private:
  Status Look(http::Client& client);
  void Show(const FeedProgress& progress, const std::vector<Traffic*>& traffic, bool final);

  const std::string hub_url_;
  const bool show_;
  const SteadyTime began_;
  std::vector<LiveVersion> live_;
  std::atomic<uint64_t> swaps_{0};
  std::atomic<uint64_t> stable_{0};             // on every node
  std::atomic<uint64_t> hub_stable_{0};
  std::atomic<bool> trial_{false};
  std::atomic<double> accuracy_{0};             // newest evaluation
  std::atomic<double> samples_per_s_{0};
};

}  // namespace perennial::quickstart
