#pragma once

#include <cstdint>
#include <map>
#include <optional>
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
  double compute_s = 0;  // CPU seconds of its thread since the hub started
};

// What the HTTP handlers need of the trainers; api/hub implements it, so the handlers build and test without LibTorch.
// The verbs act on the main trainer. Thread-safe.
class TrainerControl {
 public:
  virtual ~TrainerControl() = default;
  virtual TrainerView Main() const = 0;
  // The trainers that only serve comparison ("naive", "er", "retrain"), by name.
  virtual std::map<std::string, TrainerView> Shadows() const = 0;
  virtual Status Pause() = 0;
  virtual Status Resume() = 0;
  // Saves everything now; returns when it is durable.
  virtual Status Checkpoint() = 0;
  // Asks for a candidate now rather than at the next trigger; returns before it is made.
  virtual Status RequestPublish() = 0;
  // Deletes what trainers have saved that this hub does not run (a shadow that was left out): they could not let go of
  // what is to be forgotten, and nothing can be erased while they might be asked to.
  virtual Status DropIdleTrainers() = 0;
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
  double backward_transfer = 0;   // NaN until it is known
  std::string shipped = {};       // which weights: "ema", "student", "interpolated 0.43, offset -1.5"
  double network_accuracy = 0;    // of the better of student and average, whatever shipped
  double negative_flip_rate = 0;  // of what its predecessor had right; NaN: unknown
  std::string warning = {};       // slices that decline from version to version; empty: none
  struct Slice {
    std::string slice;
    uint64_t samples = 0;
    double accuracy = 0;
    double balanced_accuracy = 0;
  };
  std::vector<Slice> slices;
};

// The held-out samples whose answer changed from a version's predecessor to the version. Value type.
struct FlipList {
  bool known = false;     // false: it has no predecessor to compare with
  uint64_t compared = 0;  // samples that both answered
  uint64_t lost = 0;      // right before, wrong now
  uint64_t won = 0;
  double negative_flip_rate = 0;  // lost / compared
  struct Flip {
    uint64_t offset = 0;
    std::string id;
    std::string slice;
    std::string true_label;
    std::string old_answer;
    std::string new_answer;
  };
  std::vector<Flip> listed;  // the lost ones, the first 1,000
};

// The evaluations made so far. Thread-safe.
class Evaluations {
 public:
  virtual ~Evaluations() = default;
  // By trainer ("main", "naive"), oldest first.
  virtual std::map<std::string, std::vector<EvaluationRecord>> Records() const = 0;
  // Of a version; nullopt when none are kept.
  virtual Result<std::optional<FlipList>> Flips(VersionId version) const = 0;
  // Lets go of the listed flips of these held-out samples (ascending offsets); the counts stay.
  virtual Status ForgetFlips(const std::vector<Offset>& offsets) = 0;
};

}  // namespace perennial::api
