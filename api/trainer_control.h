#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "storage/base/ids.h"
#include "storage/base/status.h"

namespace perennial::api {

// One trainer as the status page shows it. Value type.
struct TrainerView {
  std::string state = "running";  // running, paused or failed
  std::string error = {};         // failed: why
  uint64_t cursor = 0;            // next log offset to read
  uint64_t backlog = 0;           // log entries between the cursor and the end
  uint64_t steps = 0;
  uint64_t samples_trained = 0;
  double samples_per_s = 0;
  double loss = 0;
  uint64_t labels = 0;
  uint64_t replay_size = 0;
  uint64_t replay_bytes = 0;
};

// What the HTTP handlers need of the trainers; api/hub implements it, so the handlers build and test without LibTorch.
// The verbs act on the main trainer. Thread-safe.
class TrainerControl {
 public:
  virtual ~TrainerControl() = default;
  virtual TrainerView Main() const = 0;
  // The trainers that only serve comparison ("naive"), by name.
  virtual std::map<std::string, TrainerView> Shadows() const = 0;
  virtual Status Pause() = 0;
  virtual Status Resume() = 0;
  // Saves everything now; returns when it is durable.
  virtual Status Checkpoint() = 0;
  // Asks for a candidate now rather than at the next trigger; returns before it is made.
  virtual Status RequestPublish() = 0;
};

// One evaluation of one trainer. Value type.
struct EvaluationRecord {
  int64_t time_us = 0;
  uint64_t steps = 0;
  uint64_t trained_until = 0;
  VersionId version;  // 0: was not published
  bool accepted = false;
  std::string reason;
  double average_accuracy = 0;
  double average_balanced_accuracy = 0;
  double forgetting = 0;
  double backward_transfer = 0;  // NaN until it is known
  struct Slice {
    std::string slice;
    uint64_t samples = 0;
    double accuracy = 0;
    double balanced_accuracy = 0;
  };
  std::vector<Slice> slices;
};

// The evaluations made so far. Thread-safe.
class Evaluations {
 public:
  virtual ~Evaluations() = default;
  // By trainer ("main", "naive"), oldest first.
  virtual std::map<std::string, std::vector<EvaluationRecord>> Records() const = 0;
};

}  // namespace perennial::api
