#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/clock.h"
#include "storage/base/status.h"

namespace perennial::quickstart {

// What the command line of `perennial quickstart` says.
struct Options {
  std::string data;            // folder, tar or file to feed; empty: generated
  std::string folder;          // where hub and edges keep their state; empty: a temporary folder
  std::string dump;            // folder for the raw records; empty: none
  std::string report;          // HTML report; empty: perennial-report.html in the current folder
  std::string spec;            // model size; empty: the profile's
  uint64_t seed = 1;
  uint64_t replay_capacity = 5000;
  bool smoke = false;
  bool json = false;
  bool keep = false;
};

// How much of everything: a smoke run of under a minute, or the whole job.
struct Profile {
  std::string spec = "tiny";
  std::string schedule;                // slices of the generated data, by comma; empty: the simulator's own
  uint64_t train_per_slice = 2000;     // generated data
  uint64_t test_per_slice = 200;
  uint64_t publish_every = 1000;       // samples
  uint64_t evaluate_per_slice = 400;   // held-out samples per slice and candidate
  uint64_t backlog = 600;              // untrained samples the feeder lets pile up
  uint64_t feed_batch = 64;
  double requests_per_s = 40;          // to each edge
  double feedback_share = 0.5;         // answers whose true label goes back
  double learning_rate = 5e-4;
  uint64_t canary_min_requests = 20;   // of the candidate, before it may be promoted
  uint64_t canary_guard_requests = 12;
  uint64_t canary_min_feedback = 8;
  Duration deadline = std::chrono::minutes(30);  // for the whole run
};
Profile ProfileFor(const Options& options);

}  // namespace perennial::quickstart
